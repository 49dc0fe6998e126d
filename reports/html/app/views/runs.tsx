import { useEffect, useState } from 'preact/hooks';
import { routeHash } from '../route.js';
import { get } from '../served.js';

/** The runs that the server has. */
export function RunsView() {
  const [names, setNames] = useState<readonly string[]>();
  useEffect(() => {
    void get('/api/runs').then(async (response) => setNames((await response.json()) as string[]));
  }, []);
  return (
    <main>
      <h1>Runs</h1>
      <ul>
        {(names ?? []).map((name) => (
          <li key={name}>
            <a href={routeHash(['runs', name])}>{name}</a>
          </li>
        ))}
      </ul>
    </main>
  );
}
