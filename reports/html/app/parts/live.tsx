import type { Live } from '../../model.js';
import './live.css';
import { Strange } from './strange.js';

/** How far a run is that goes on, and what is being judged now. */
export function LiveLine({ live, now }: { readonly live: Live; readonly now: string }) {
  const { done, planned, running } = live;
  return (
    <section aria-label="progress" class="live">
      <p role="status">
        <progress max={planned} value={done} aria-label="attempts that have a verdict" /> Running: {done} of{' '}
        {planned} attempts have a verdict, {running.length} are in work.
      </p>
      {running.length > 0 && (
        <ul>
          {running.map(({ instanceId, attempt, since }) => (
            <li key={`${instanceId}#${attempt}`}>
              <Strange text={instanceId} />
              {attempt > 1 && `, attempt ${attempt}`}: {seconds(since, now)} s
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function seconds(since: string, now: string): number {
  return Math.max(0, Math.round((Date.parse(now) - Date.parse(since)) / 1000));
}
