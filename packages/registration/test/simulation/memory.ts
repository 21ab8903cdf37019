import { dirname } from 'node:path'
import type { Files } from '../../src/files/disk.ts'

/** Files in memory, by a clock of their own. */
export function memory(now: () => number) {
  const held = new Map<string, { text: string; at: number }>()
  const text = (path: string) => held.get(path)?.text
  const files: Files = {
    read: async (path) => text(path),
    write: async (path, text) => void held.set(path, { text, at: now() }),
    async rename(from, to) {
      const file = held.get(from)
      if (file === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      held.set(to, file)
      held.delete(from)
    },
    remove: async (path) => void held.delete(path),
    list: async (folder) =>
      [...held.keys()].filter((path) => dirname(path) === folder).map((path) => path.slice(folder.length + 1)),
    modified: async (path) => held.get(path)?.at ?? 0,
  }
  return { files, text, remove: (path: string) => held.delete(path), set: files.write }
}
