/**
 * The site's Content-Security-Policy, as the preview server and the browser tests send it; `index.html` repeats it for hosts that
 * send no headers. Nothing may be loaded from or sent to another origin, which is what keeps pictures in the tab.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self' blob:",
  "worker-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');
