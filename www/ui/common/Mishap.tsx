import { Component, type ComponentChildren } from 'preact';
import { whyNotKept } from '../../state/project.js';
import { useApp } from '../control/app.js';
import { useAppState } from '../control/useAppState.js';

/** Catches what goes wrong while its children are drawn, where the browser would be left with a blank page. */
export class Mishap extends Component<{ children: ComponentChildren }, { problem: string | null }> {
  override state = { problem: null };

  static override getDerivedStateFromError(error: unknown): { problem: string } {
    return { problem: String(error) };
  }

  override componentDidCatch(error: unknown): void {
    // For whoever looks for the mistake.
    console.error(error);
  }

  override render() {
    const { problem } = this.state;
    return problem === null ? this.props.children : <WaysOut problem={problem} onAgain={() => this.setState({ problem: null })} />;
  }
}

/** What the page holds is still there: only drawing it has failed. */
function WaysOut({ problem, onAgain }: { problem: string; onAgain: () => void }) {
  const { projects } = useApp();
  const notKept = useAppState((state) => whyNotKept(state.project.keeping));
  const reload = async (): Promise<void> => {
    await projects.archive.flush();
    location.reload();
  };
  return (
    <main class="mishap">
      <div role="alert">
        <h1>Headstart has made a mistake</h1>
        <p>
          The page could not be drawn.{' '}
          {notKept === null ? 'Your project is kept on this device and will be there again.' : 'What is on it is not kept on this device: try to show it again first.'}
        </p>
      </div>
      <p class="row">
        <button type="button" class={notKept === null ? 'button primary' : 'button'} onClick={() => void reload()}>
          Reload the page
        </button>
        <button type="button" class={notKept === null ? 'button' : 'button primary'} onClick={onAgain}>
          Show it again
        </button>
      </p>
      <p class="hint">{problem}</p>
    </main>
  );
}
