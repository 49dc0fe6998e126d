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

/**
 * A plugin of typedoc: what the public API exports is listed by the folder that it comes from, and the type of a schema has the words of
 * its schema.
 */
export function load(app) {
  const found = new Map();
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.getSourceFile().fileName;
    const [, folder] = file === undefined ? [] : relative(process.cwd(), file).split('/');
    if (Object.hasOwn(CATEGORIES, folder ?? '')) found.set(reflection, CATEGORIES[folder]);
  });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, () => {
    for (const [reflection, category] of found) {
      if (reflection.parent === undefined || reflection.parent.parent?.parent !== undefined) continue;
      const schema = reflection.kindOf(ReflectionKind.TypeAlias)
        ? reflection.parent.children.find(({ name, comment }) => name === reflection.name && comment)
        : undefined;
      if (schema !== undefined) reflection.comment ??= schema.comment.clone();
      const documented = reflection.signatures?.[0] ?? reflection;
      documented.comment ??= new Comment();
      documented.comment.blockTags.push(new CommentTag('@category', [{ kind: 'text', text: category }]));
    }
  });
}
