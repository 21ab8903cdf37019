/**
 * Run by npm in the folder of a package that it packs or publishes (`prepack`, `postpack`). npm packs whatever package.json
 * lies there after `prepack`, so the published one takes the place of the workspace's for that long. npm publish reads it once
 * more after `postpack`; then, and whenever npm fails or is killed, a process that waits for the end of npm puts it back.
 */
import { spawn } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import { prepare, restore } from './packing/in-place.ts'
import { isAlive } from './packing/lock.ts'

const [act, npm] = [process.argv[2], Number(process.argv[3])]
const folder = process.cwd()
if (!Number.isInteger(npm) || npm <= 0)
  throw new Error('usage: published-form.ts prepare|restore|guard <process id of npm>')

if (act === 'prepare') {
  const guard = spawn(process.execPath, [import.meta.filename, 'guard', String(npm)], {
    detached: true,
    stdio: 'ignore',
  })
  guard.unref()
  await prepare(folder, npm)
}
if (act === 'restore' && process.env.npm_command !== 'publish') restore(folder, npm)
if (act === 'guard') {
  while (isAlive(npm)) await wait(100)
  restore(folder, npm)
}
