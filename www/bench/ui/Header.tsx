export function Header() {
  return (
    <header class="page-head">
      <div class="brand">
        <div>
          <h1>How fast is Headstart here?</h1>
          <p>Measured on this device, with drawn pictures. Nothing leaves it.</p>
        </div>
      </div>
      <a class="button small" href="./">
        To the main page
      </a>
    </header>
  );
}
