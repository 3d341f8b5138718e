import { parseArgs } from 'node:util';
import { Problem } from './problem.js';
import { FORMATS, type Format } from './program.js';

/** What the command is asked to do. */
export type Task =
  | { kind: 'add'; what: string; format: Format; name: string | undefined }
  | { kind: 'list' }
  | { kind: 'remove'; name: string }
  | { kind: 'index'; fallback: string | undefined }
  | { kind: 'help' };

export const HELP = `./build.sh backbone OWNER/NAME[@REVISION] | FOLDER | FILE   bring a backbone to the site, checked and converted
    --to f16|int8|f32   how its weights are stored (f16)
    --name NAME         its folder (what its publisher calls it)
./build.sh backbone --list            what the site has
./build.sh backbone --remove NAME     take one away
./build.sh backbone --index           write index.json anew, after a change by hand; --default NAME: the one that is used unasked
    --into FOLDER       with any of these: another folder of backbones, such as dist/backbones (www/public/backbones)
Names on the hub are timm's and others', such as timm/mobilenetv2_100.ra_in1k. HF_ENDPOINT is the hub's address, HF_TOKEN opens
gated and private repositories.`;

/** Reads the command line. */
export function parseTask(args: string[]): { task: Task; into: string | undefined } {
  const { values, positionals } = parsed(args);
  const { into } = values;
  const kinds = [positionals.length > 0, values.list, values.remove !== undefined, values.index, values.help];
  const asked = kinds.filter(Boolean).length;
  if (values.help || asked === 0) return { task: { kind: 'help' }, into };
  if (asked > 1 || positionals.length > 1) throw new Problem(`One thing at a time, please:\n${HELP}`);
  if (values.list) return { task: { kind: 'list' }, into };
  if (values.remove !== undefined) return { task: { kind: 'remove', name: values.remove }, into };
  if (values.index) return { task: { kind: 'index', fallback: values.default }, into };
  const format = FORMATS.find((one) => one === (values.to ?? 'f16'));
  if (!format) throw new Problem(`--to is one of ${FORMATS.join(', ')}, not “${values.to}”.`);
  return { task: { kind: 'add', what: positionals[0] ?? '', format, name: values.name }, into };
}

function parsed(args: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = { to: text, name: text, into: text, list: flag, remove: text, index: flag, default: text, help: { ...flag, short: 'h' } };
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new Problem(`${(error as Error).message}\n${HELP}`);
  }
}
