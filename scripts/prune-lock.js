/**
 * `npm run lock:prune`, after every `npm install` that changed package-lock.json.
 *
 * A registry that does not carry the binaries of every platform makes npm leave their entries out of the lock file, but not
 * out of the lists of optional dependencies that name them; `npm ci` then refuses the file as out of step. This takes the
 * names without an entry out of those lists.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const file = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(file, 'utf8'))
let pruned = 0
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const name of Object.keys(entry.optionalDependencies ?? {})) {
    if (`node_modules/${name}` in lock.packages || `${path}/node_modules/${name}` in lock.packages) continue
    delete entry.optionalDependencies[name]
    pruned += 1
  }
}
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`${pruned} names without an entry taken out of package-lock.json`)
