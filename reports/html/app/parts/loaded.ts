import { useEffect, useState } from 'preact/hooks';
import type { BlobRef } from '../../model.js';
import { readJson, type Source } from '../source.js';

/** What is being loaded: neither yet, or one of the two. */
export interface Loaded<T> {
  readonly value?: T;
  readonly failure?: string;
}

/** A blob of JSON, loaded when it is first shown. */
export function useJson<T>(source: Source, ref: BlobRef | undefined): Loaded<T> {
  const [state, setState] = useState<Loaded<T> & { readonly key?: string }>({});
  const key = ref?.key;
  useEffect(() => {
    if (ref === undefined) return;
    let isCurrent = true;
    readJson<T>(source, ref).then(
      (value) => isCurrent && setState({ key: ref.key, value }),
      (error: Error) => isCurrent && setState({ key: ref.key, failure: error.message }),
    );
    return () => {
      isCurrent = false;
    };
  }, [source, key]);
  return state.key === key ? state : {};
}
