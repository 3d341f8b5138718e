import { render } from 'preact';
import { AppProvider, createApp } from './control/app.js';
import { Page } from './Page.js';

const place = document.getElementById('app');
if (place === null) throw new Error('The page has no place for the app.');
const app = createApp();
render(
  <AppProvider value={app}>
    <Page />
  </AppProvider>,
  place,
);
void app.start();
