/** Adds versions to a keyring in a directory: `node writer.ts FOLDER NAME ID COUNT`. Starts when its input ends. */
import { once } from 'node:events'
import { systemClock } from '../../src/clock.ts'
import { prepare } from '../../src/lifecycle/transition.ts'
import { changeKeyring } from '../../src/loop/change.ts'
import { directoryStore } from '../../src/stores/directory.ts'
import { material } from '../samples.ts'

const [folder = '', name = '', id = '', count = '0'] = process.argv.slice(2)
const store = directoryStore(folder, systemClock)
await once(process.stdin.resume(), 'end')
for (let n = 0; n < Number(count); n++) {
  const about = { action: 'keyring.prepared', actor: id, details: {} }
  await changeKeyring(store, name, (keyring, now) => prepare(keyring, material(`${id}-${n}`), now), about)
}
