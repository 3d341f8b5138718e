import { useState } from 'preact/hooks';
import type { TrainConfig } from '../../headstart.js';
import { lazy } from '../common/lazy.js';
import { useSettings } from './useSettings.js';

interface WhatTrainsProps {
  readonly title: string;
  readonly config: Readonly<Partial<TrainConfig>>;
}

const Layers = lazy(() => import('./Layers.js').then((module) => module.Layers));

/** Every layer of the network and whether it trains, made only when it is asked for. */
export function WhatTrains({ title, config }: WhatTrainsProps) {
  const [open, setOpen] = useState(false);
  return (
    <details class="what-trains" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{title}</summary>
      {open && <Layers config={config} />}
    </details>
  );
}

/** Every layer as the next run would have it. */
export function PlannedLayers() {
  const form = useSettings();
  return form && <WhatTrains title="What trains, layer by layer" config={form.checked.config} />;
}
