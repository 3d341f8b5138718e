/** Which tab has a project: two that wrote the same one would undo each other's work. */

/** Takes a project for as long as this tab is open; tells whether no other tab has it. */
export function takeProject(id: string): Promise<boolean> {
  const { locks } = navigator;
  // Browsers without them tell tabs apart by nothing else.
  if (locks === undefined) return Promise.resolve(true);
  return new Promise((resolve, reject) => {
    const held = locks.request(nameOf(id), { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      // Until the tab goes, however it goes.
      return lock === null ? undefined : new Promise<void>(() => undefined);
    });
    held.catch(reject);
  });
}

/** Whether any tab has a project. */
export async function isTaken(id: string): Promise<boolean> {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return held.some(({ name }) => name === nameOf(id));
}

function nameOf(id: string): string {
  return `headstart project ${id}`;
}
