/** Text whose middle may be missing. */
export interface Excerpt {
  readonly text: string;
  /** Characters that are missing. */
  readonly truncatedChars: number;
}

export interface ExcerptWriter {
  write(bytes: Uint8Array): void;
  /** The first and the last half of `chars` characters, with a line between that says how many are missing. */
  end(): Excerpt;
}

/** Collects output as UTF-8, invalid bytes as U+FFFD, in memory bounded by `chars`. */
export function excerptWriter(chars: number): ExcerptWriter {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const tailChars = Math.floor(chars / 2);
  const headChars = chars - tailChars;
  let head = '';
  let tail = '';
  let missing = 0;

  /** The tail may be twice as long as what is kept of it, so that it isn't copied for each piece. */
  function add(text: string, slack: number): void {
    const room = Math.max(0, headChars - head.length);
    head += text.slice(0, room);
    tail += text.slice(room);
    if (tail.length <= tailChars + slack) return;
    missing += tail.length - tailChars;
    tail = tail.slice(tail.length - tailChars);
  }

  return {
    write: (bytes) => add(decoder.decode(bytes, { stream: true }), tailChars),
    end() {
      add(decoder.decode(), 0);
      if (missing === 0) return { text: head + tail, truncatedChars: 0 };
      return { text: joined(head, tail, missing), truncatedChars: missing };
    },
  };
}

/** Half a surrogate pair at the cut is no text: it becomes U+FFFD. */
function joined(head: string, tail: string, missing: number): string {
  const start = head.replace(/[\ud800-\udbff]$/, '\ufffd');
  const end = tail.replace(/^[\udc00-\udfff]/, '\ufffd');
  return `${start}\n[... ${missing} characters left out ...]\n${end}`;
}
