// Somebody's React page, with the package's example as it is. In strict mode, where React mounts a component twice while one develops.
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Classifier } from './Classifier.jsx';

const root = createRoot(document.querySelector('#root'));
root.render(
  <StrictMode>
    <Classifier model="model.zip" />
  </StrictMode>,
);
window.unmount = () => root.unmount();
