import { render } from 'preact';
import { Player } from './player.js';
import { App } from './ui/App.js';

const place = document.getElementById('app');
if (place === null) throw new Error('The page has no place for the app.');
const player = new Player();
place.textContent = '';
render(<App player={player} />, place);

/** The model's name is the one that the site is installed under. */
async function readName(): Promise<void> {
  const response = await fetch('./manifest.webmanifest', { cache: 'no-cache' });
  const { name } = (await response.json()) as { name?: unknown };
  if (typeof name === 'string' && name !== '') player.setName(name);
}

// Without it the page has a name that fits any model.
void readName().catch(() => undefined);
void player.open(null);
// Kept for the time without a network once everything has been fetched and works: what is kept of a site that lacks a file, or has a wrong one,
// would stay after that was put right. Where keeping is not possible the page works all the same.
const stop = player.subscribe(() => {
  if (player.state.model.status !== 'ready') return;
  stop();
  if (isSecureContext) navigator.serviceWorker?.register('./sw.js').catch(() => undefined);
});
