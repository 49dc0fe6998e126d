import { relative } from 'node:path';
import { Comment, CommentTag, Converter, ReflectionKind } from 'typedoc';

/** What is in a folder of `src`, as the site calls it. */
const CATEGORIES = {
  model: 'Records',
  'errors.ts': 'Errors',
  engine: 'Engines and containers',
  container: 'Engines and containers',
  dataset: 'Datasets',
  grade: 'Grading',
  stats: 'Statistics',
  reward: 'Rewards',
  util: 'Utilities',
};
const SCHEMAS = 'Schemas of records';

/**
 * A plugin of typedoc: what the public API exports is listed by the folder that it comes from. The type of a schema is shown with its fields,
 * not as `Static<...>`, and has the words of the schema, which is listed last.
 */
export function load(app) {
  const found = new Map();
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    const declaration = context
      .getSymbolFromReflection(reflection)
      ?.declarations?.find(
        (node) => !reflection.kindOf(ReflectionKind.TypeAlias) || /^export type/.test(node.getText()),
      );
    if (declaration === undefined) return;
    const [, folder] = relative(process.cwd(), declaration.getSourceFile().fileName).split('/');
    if (!Object.hasOwn(CATEGORIES, folder ?? '')) return;
    found.set(reflection, CATEGORIES[folder]);
    if (!/^export type \w+ = Static</.test(declaration.getText())) return;
    reflection.comment ??= new Comment();
    reflection.comment.modifierTags.add('@useDeclaredType');
  });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, () => {
    for (const [reflection, category] of found) {
      if (reflection.parent === undefined || reflection.parent.parent?.parent !== undefined) continue;
      const twin = reflection.parent.children?.find(
        ({ name, kind }) => name === reflection.name && kind === ReflectionKind.TypeAlias,
      );
      const isSchema = twin !== undefined && twin !== reflection;
      if (isSchema && reflection.comment !== undefined && twin.comment?.summary.length === 0)
        twin.comment.summary = reflection.comment.clone().summary;
      const documented = reflection.signatures?.[0] ?? reflection;
      documented.comment ??= new Comment();
      const text = isSchema ? SCHEMAS : category;
      documented.comment.blockTags.push(new CommentTag('@category', [{ kind: 'text', text }]));
    }
  });
}
