import { useSettings } from './useSettings.js';
import { WhatTrains } from './WhatTrains.js';

/** Every layer as the next run would have it. */
export function PlannedLayers() {
  const form = useSettings();
  return form && <WhatTrains title="What trains, layer by layer" config={form.checked.config} />;
}
