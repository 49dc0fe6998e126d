import type { ModelShape } from './shape.js';

export interface MemoryOptions {
  /** Over which weights, gradients and optimiser are spread. */
  readonly processes: number;
  /** Passes in bfloat16, as on CUDA; false: float32, as on CPU. */
  readonly half: boolean;
  readonly checkpointing: boolean;
  /** Tokens computed at once by a process. */
  readonly tokens: number;
  readonly loraRank?: number;
}

/** Bytes of a process of the trainer. */
export interface TrainerMemory {
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  /** Of one micro-batch, with the chunk of logits. */
  readonly activations: number;
  /** Whole layers and embeddings, put together from their shards. */
  readonly gathered: number;
  readonly total: number;
}

/** Bytes of a float32. The trainer keeps weights, gradients and both moments in it, also where passes are in bfloat16. */
const FLOAT = 4;
/** Elements of a chunk of logits, of which there are two at a time: `head.py`. */
const CHUNK_ELEMENTS = 2 ** 25;

/** Parameters of the factors of a LoRA on all linear maps of all layers. */
export function loraParameters(shape: ModelShape, rank: number): number {
  const { layers, hidden, intermediate, queryWidth, keyWidth } = shape;
  const widths = 2 * (hidden + queryWidth) + 2 * (hidden + keyWidth) + 3 * (hidden + intermediate);
  return layers * rank * widths;
}

/** What a process of the trainer takes; activations are an estimate from what the backward pass of a layer needs, the rest is exact but for buffers of the libraries. */
export function trainerMemory(shape: ModelShape, options: MemoryOptions): TrainerMemory {
  const { processes, half, checkpointing, tokens, loraRank } = options;
  const trained = loraRank === undefined ? shape.parameters : loraParameters(shape, loraRank);
  const frozen = loraRank === undefined ? 0 : shape.parameters;
  const weights = ((trained + frozen) * FLOAT) / processes;
  const gradients = (trained * FLOAT) / processes;
  const optimizer = 2 * gradients;
  const layerInput = shape.hidden * FLOAT;
  const perToken = checkpointing
    ? shape.layers * layerInput + layerActivations(shape, half)
    : shape.layers * layerActivations(shape, half);
  const activations = tokens * perToken + 2 * CHUNK_ELEMENTS * FLOAT;
  const gathered = processes === 1 ? 0 : (2 * shape.layer + shape.embedding) * FLOAT;
  const total = weights + gradients + optimizer + activations + gathered;
  return { weights, gradients, optimizer, activations, gathered, total };
}

/** Bytes per token that the backward pass of a layer needs: both norms' inputs in float32, and in the passes' type what the linear maps, the rotation, attention and the gate give and take. */
function layerActivations({ hidden, queryWidth, keyWidth, intermediate }: ModelShape, half: boolean): number {
  const size = half ? 2 : FLOAT;
  return 2 * hidden * FLOAT + size * (4 * hidden + 3 * queryWidth + 3 * keyWidth + 4 * intermediate);
}

/** Bytes of the keys and values of one token. */
export function keyValueBytes({ layers, keyWidth }: ModelShape, half: boolean): number {
  return 2 * layers * keyWidth * (half ? 2 : FLOAT);
}

/** Bytes of a checkpoint: what others load (bfloat16 where passes are), the exact weights where that is not them, and both moments. */
export function checkpointBytes(shape: ModelShape, half: boolean): number {
  return shape.parameters * (half ? 2 + FLOAT + 2 * FLOAT : FLOAT + 2 * FLOAT);
}

/** Floating-point operations of a forward pass per token of sequences of `length`: 2 for each parameter but the embedding's, and attention over half the length. */
export function forwardOperations(shape: ModelShape, length: number): number {
  const { layers, layer, embedding, queryWidth } = shape;
  return 2 * (layers * layer + embedding) + 2 * layers * queryWidth * length;
}
