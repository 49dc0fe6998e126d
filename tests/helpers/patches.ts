/** A diff that adds a file of notes and does nothing else: tests come out as without it. Each text makes another patch. */
export function notesPatch(text: string): string {
  return `diff --git a/NOTES.md b/NOTES.md\nnew file mode 100644\n--- /dev/null\n+++ b/NOTES.md\n@@ -0,0 +1 @@\n+${text}\n`;
}
