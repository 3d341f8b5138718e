import { HeadstartError } from './error.js';

/** A camera that can be chosen. */
export interface CameraInfo {
  /** Empty until the user has allowed a camera once. */
  id: string;
  /** The browser's name for it, or “Camera 1”, “Camera 2” where it does not tell. */
  label: string;
}

/** What {@link openCamera} may be asked for. */
export interface CameraOptions {
  /** The camera to open, from {@link listCameras}. */
  id?: string | undefined;
  /** Where no camera is chosen: on a phone, the one beside the screen or the one on the back. */
  facing?: 'user' | 'environment' | undefined;
}

/** An open camera. */
export interface Camera {
  /** To show: assign it to `srcObject` of a video element. */
  readonly stream: MediaStream;
  /** What {@link CameraOptions.id} is to be for this one. */
  readonly id: string;
  /** The browser's name for it. */
  readonly label: string;
  /** Whether it looks at the user; such a picture is usually shown mirrored. */
  readonly facesUser: boolean;
  /** Calls back when the camera goes away by itself: unplugged, or taken away by the user. */
  onEnded(callback: () => void): void;
  /** Switches the camera off. */
  stop(): void;
}

/** The parts of `navigator.mediaDevices` used here. */
export type MediaDevicesLike = Pick<MediaDevices, 'getUserMedia' | 'enumerateDevices'>;

/** The cameras there are. Labels and numbers are hidden by the browser until one camera has been allowed. */
export async function listCameras(devices: MediaDevicesLike | undefined = browserDevices()): Promise<CameraInfo[]> {
  const all = (await devices?.enumerateDevices()) ?? [];
  return all
    .filter((device) => device.kind === 'videoinput')
    .map((device, index) => ({ id: device.deviceId, label: device.label || `Camera ${index + 1}` }));
}

/**
 * Opens a camera; the browser asks the user.
 *
 * @throws {@link HeadstartError} `camera_denied`, `camera_missing` or `camera_busy`.
 */
export async function openCamera(
  options: CameraOptions = {},
  devices: MediaDevicesLike | undefined = browserDevices(),
): Promise<Camera> {
  if (!devices) {
    throw new HeadstartError({
      code: 'camera_missing',
      message: 'This browser gives pages no camera here: a page must be served over https or from localhost.',
    });
  }
  try {
    return wrap(await devices.getUserMedia({ audio: false, video: constraints(options) }));
  } catch (error) {
    throw cameraError(error, options.id);
  }
}

function constraints({ id, facing }: CameraOptions): MediaTrackConstraints {
  // Small is enough: the classifier looks at far fewer pixels, and every frame costs memory.
  const size = { width: { ideal: 640 }, height: { ideal: 480 } };
  if (id) return { ...size, deviceId: { exact: id } };
  return facing ? { ...size, facingMode: facing } : size;
}

function wrap(stream: MediaStream): Camera {
  const track = stream.getVideoTracks()[0];
  const settings = track?.getSettings() ?? {};
  return {
    stream,
    id: settings.deviceId ?? '',
    label: track?.label ?? '',
    // A laptop's camera usually does not say where it looks; it looks at the user.
    facesUser: settings.facingMode !== 'environment',
    onEnded: (callback) => track?.addEventListener('ended', callback),
    stop: () => stream.getTracks().forEach((each) => each.stop()),
  };
}

function cameraError(error: unknown, id: string | undefined): HeadstartError {
  switch (error instanceof Error ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return new HeadstartError({
        code: 'camera_denied',
        message: 'The camera is blocked for this page: allow it in the browser’s address bar and try again.',
      });
    case 'NotFoundError':
    case 'OverconstrainedError':
      return new HeadstartError({
        code: 'camera_missing',
        message: id ? 'This camera is not there any more: choose another one.' : 'No camera was found: connect one and try again.',
        value: id,
      });
    default:
      return new HeadstartError({
        code: 'camera_busy',
        message: 'The camera could not be started: another program may be using it. Close that program and try again.',
        value: id,
      });
  }
}

function browserDevices(): MediaDevicesLike | undefined {
  return globalThis.navigator?.mediaDevices;
}
