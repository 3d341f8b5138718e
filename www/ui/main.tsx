import { render } from 'preact';
import { Mishap } from './common/Mishap.js';
import { AppProvider, createApp } from './control/app.js';
import { holdVersion, keepSite } from './control/offline.js';
import { Presence } from './control/presence.js';
import { recall } from './control/recall.js';
import { Page } from './Page.js';

const place = document.getElementById('app');
if (place === null) throw new Error('The page has no place for the app.');
holdVersion();
// Not awaited here: the bundler would then put the public module elsewhere than in `headstart.js`.
void recall(location.hash).then((recalled) => {
  const app = createApp(undefined, undefined, recalled);
  render(
    <AppProvider value={app}>
      <Mishap>
        <Page />
      </Mishap>
    </AppProvider>,
    place,
  );
  new Presence(app.store).follow();
  void app.start().then(() => keepSite(app.session));
});
