/** What a model did wrong with a tool; the message is what it is shown. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
}
