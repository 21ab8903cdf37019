import { type FileHandle, open } from 'node:fs/promises'
import { denyList } from '../../src/deny/list.ts'

/** Has a state file written anew while no file can be opened any more, and prints what is denied then. */
const list = denyList({ stateFile: process.argv[2] })
const problems: string[] = []
await list.start((error) => {
  problems.push(error.code)
})
const many = Array.from({ length: 900 }, (_, n) => ({ kid: `kid ${n}` }))
await list.add(many)
const opened: FileHandle[] = []
for (;;) {
  const handle = await open('/dev/null', 'r').catch(() => undefined)
  if (handle === undefined) break
  opened.push(handle)
}
await list.remove(many.slice(1))
await list.add([{ kid: 'after' }])
for (const handle of opened) await handle.close()
const kids = [...list.entries()].map(({ entry }) => ('kid' in entry ? entry.kid : ''))
console.log(JSON.stringify({ problems, kids }))
await list.close()
