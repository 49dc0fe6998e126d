import { isObject } from '../../../src/index.js';

/** What the memory of a dense decoder of Llama's kind (Llama, Mistral, Qwen2, Qwen3) follows from. */
export interface ModelShape {
  readonly layers: number;
  readonly hidden: number;
  readonly intermediate: number;
  /** Widths of all query heads, and of all key heads. */
  readonly queryWidth: number;
  readonly keyWidth: number;
  readonly vocabulary: number;
  /** Positions without YaRN. */
  readonly positions: number;
  readonly embedding: number;
  readonly layer: number;
  readonly parameters: number;
}

/** The shape that a configuration of transformers describes; a text says why it can't be told. */
export function shapeOf(config: unknown): ModelShape | string {
  if (!isObject(config)) return 'the model has no configuration';
  const experts = ['num_experts', 'num_local_experts', 'n_routed_experts'].find((name) => name in config);
  if (experts !== undefined) return `the model has experts (${experts}): only dense ones are estimated`;
  const names = [
    'num_hidden_layers',
    'hidden_size',
    'intermediate_size',
    'num_attention_heads',
    'vocab_size',
    'max_position_embeddings',
  ] as const;
  const missing = names.find((name) => typeof config[name] !== 'number');
  if (missing !== undefined) return `the model's configuration has no ${missing}`;
  const number = (name: string, otherwise = 0) => {
    const value = config[name];
    return typeof value === 'number' ? value : otherwise;
  };
  const [layers, hidden, intermediate, heads, vocabulary, positions] = names.map((name) => number(name)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const headWidth = number('head_dim', hidden / heads);
  const queryWidth = heads * headWidth;
  const keyWidth = number('num_key_value_heads', heads) * headWidth;
  const type = config['model_type'];
  const biases = type === 'qwen2' || config['attention_bias'] === true ? queryWidth + 2 * keyWidth : 0;
  const headNorms = type === 'qwen3' ? 2 * headWidth : 0;
  const layer =
    2 * hidden * (queryWidth + keyWidth) + biases + headNorms + 3 * hidden * intermediate + 2 * hidden;
  const embedding = vocabulary * hidden;
  const isTied = config['tie_word_embeddings'] === true;
  const parameters = embedding * (isTied ? 1 : 2) + layers * layer + hidden;
  return {
    ...{ layers, hidden, intermediate, queryWidth, keyWidth, vocabulary, positions },
    ...{ embedding, layer, parameters },
  };
}
