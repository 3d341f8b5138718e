import { mkdir, rename, rm, statfs } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesOf, hashOfFile } from './hash.js';
import { persistently, type Patience } from './persist.js';
import { errorCode, Problem } from './problem.js';
import { Receiver, type Watcher } from './receive.js';
import type { Hub, RemoteFile } from './remote.js';
import { size as inWords } from './words.js';

/** What a download tells and asks of its surroundings. */
export interface Surroundings extends Patience {
  progress: Watcher;
  /** Bytes free where a folder is. */
  room(folder: string): Promise<number>;
  /** How long nothing may come before a connection is given up, in milliseconds. */
  silence: number;
}

/** A real clock and a real disk. */
export const REAL: Pick<Surroundings, 'wait' | 'room' | 'silence'> = {
  wait: sleep,
  async room(folder) {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
  silence: 60_000,
};

/** Brings a file to `path`, unless it is there already, whole and as the hub names it. */
export async function download(remote: RemoteFile, path: string, hub: Hub, around: Surroundings): Promise<void> {
  if (remote.hash && (await fits(path, remote))) return;
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.part`;
  let resumed = (await bytesOf(part)) > 0;
  for (;;) {
    await checkRoom(remote, part, around);
    const receiver = new Receiver(remote, part, hub, around.progress, around.silence);
    try {
      await persistently(around, () => receiver.receive());
    } catch (error) {
      if (errorCode(error) === 'ENOSPC') throw noRoom(remote, part, 0);
      throw error;
    }
    if (await fits(part, remote)) break;
    await rm(part);
    if (!resumed) {
      throw new Problem(
        `${basename(path)} came with other contents than the hub names (its hash is wrong) and was thrown away. ` +
          'Run the command again; where that does not help, something between here and the hub changes what comes.',
      );
    }
    // The first half may have been of something else.
    resumed = false;
  }
  await rename(part, path);
}

/** Whether a file on the disk is what the hub names. */
async function fits(path: string, { size, hash }: RemoteFile): Promise<boolean> {
  const there = await bytesOf(path);
  if (there === 0 || (size !== null && there !== size)) return false;
  return hash === null || (await hashOfFile(path, hash.kind)) === hash.hex;
}

async function checkRoom(remote: RemoteFile, part: string, around: Surroundings): Promise<void> {
  const free = await around.room(dirname(part));
  if (remote.size !== null && remote.size - (await bytesOf(part)) > free) throw noRoom(remote, part, free);
}

function noRoom({ url, size }: RemoteFile, part: string, free: number): Problem {
  const needed = size === null ? '' : `, which has ${inWords(size)}`;
  return new Problem(`There is no room for ${basename(url)}${needed}: ${inWords(free)} are free where ${dirname(part)} is.`);
}
