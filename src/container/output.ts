import type { Container, ExecRequest } from '../engine/engine.js';

/** Runs a program to its end and keeps what it prints, stdout and stderr together. */
export async function outputOf(
  container: Container,
  request: Omit<ExecRequest, 'onOutput'>,
): Promise<{ readonly exitCode: number; readonly output: Buffer }> {
  const chunks: Uint8Array[] = [];
  const { exitCode } = await container.exec({ ...request, onOutput: (chunk) => void chunks.push(chunk) });
  return { exitCode, output: Buffer.concat(chunks) };
}
