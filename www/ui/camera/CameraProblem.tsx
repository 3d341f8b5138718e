/** Why there is no camera, and another try. */
export function CameraProblem({ problem, onRetry }: { problem: string; onRetry: () => void }) {
  return (
    <div class="notice error camera-problem" role="alert">
      <p>{problem}</p>
      <button type="button" class="button small" onClick={onRetry}>
        Try again
      </button>
    </div>
  );
}
