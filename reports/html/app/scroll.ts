import { useLayoutEffect, useRef } from 'preact/hooks';

/** Where the reader left a list: its address, how far down, and on which link. */
interface Place {
  readonly hash: string;
  readonly top: number;
  readonly link: string | null | undefined;
}

let left: Place | undefined;

/** Address of the list that was left last. */
export function lastList(): string | undefined {
  return left?.hash;
}

/** True of the list that was left last, while the reader is elsewhere. */
export function isLeft(hash: string): boolean {
  return left?.hash === hash;
}

/** Brings the reader back to where a list of this address was left; does `otherwise` on one that wasn't. */
export function usePlace(hash: string, otherwise: () => void): void {
  const latest = useRef(hash);
  latest.current = hash;
  useLayoutEffect(() => {
    history.scrollRestoration = 'manual';
    if (left !== undefined && isLeft(hash)) {
      const { link, top } = left;
      [...document.links].find((one) => one.getAttribute('href') === link)?.focus({ preventScroll: true });
      scrollTo(0, top);
    } else {
      scrollTo(0, 0);
      otherwise();
    }
    return () => {
      left = {
        hash: latest.current,
        top: scrollY,
        link: document.activeElement?.getAttribute('href'),
      };
    };
  }, []);
}

/** Begins each further item at its top, with the keyboard in it; the list, an empty name, has its own place. */
export function useTop(item: string): void {
  const shown = useRef(item);
  useLayoutEffect(() => {
    if (shown.current === item) return;
    shown.current = item;
    if (item === '') return;
    scrollTo(0, 0);
    const main = document.querySelector('main');
    main?.setAttribute('tabindex', '-1');
    main?.focus({ preventScroll: true });
  }, [item]);
}
