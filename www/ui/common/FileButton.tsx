import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';

interface FileButtonProps {
  readonly children: ComponentChildren;
  readonly label?: string;
  readonly accept?: string;
  readonly many?: boolean;
  readonly folder?: boolean;
  readonly kind?: string;
  /** Why it cannot be used now. */
  readonly disabled?: boolean;
  readonly onFiles: (files: File[]) => void;
}

/** A button that opens the browser's file picker. */
export function FileButton({ children, label, accept, many, folder, kind, disabled, onFiles }: FileButtonProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        class={kind ?? 'button'}
        aria-label={label}
        disabled={disabled === true}
        onClick={() => input.current?.click()}
      >
        {children}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        accept={accept}
        multiple={many === true || folder === true}
        {...(folder === true ? { webkitdirectory: true } : {})}
        onChange={(event) => {
          onFiles([...(event.currentTarget.files ?? [])]);
          // So that the same file can be chosen again.
          event.currentTarget.value = '';
        }}
      />
    </>
  );
}
