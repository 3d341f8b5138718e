interface ProgressBarProps {
  readonly label: string;
  /** Between 0 and 1; null where nobody knows how long it takes. */
  readonly share: number | null;
  readonly text?: string | undefined;
}

export function ProgressBar({ label, share, text }: ProgressBarProps) {
  const value = share === null ? {} : { 'aria-valuenow': Math.round(share * 100) };
  return (
    <div class="progress">
      <div
        class={share === null ? 'progress-track waiting' : 'progress-track'}
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuetext={text}
        {...value}
      >
        <div class="progress-fill" style={share === null ? {} : { transform: `scaleX(${share})` }} />
      </div>
      {text !== undefined && <p class="progress-text">{text}</p>}
    </div>
  );
}
