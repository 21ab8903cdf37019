import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { dirname } from 'node:path'
import type { Embedded } from '../embedded/start.ts'

// Reads from a pipe that nobody writes to before the end: without a word, it ended because its writer was killed. An
// immediate shutdown is at most a matter of a second; a zombie that nobody waits for would look alive for ever.
const watch = `
read -r word && exit 0
kill -QUIT "$1" 2>/dev/null
for look in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
  kill -0 "$1" 2>/dev/null || break
  sleep 0.1
done
rm -rf "$2" "$3"
`

/**
 * Sees to it that a server and its folders are gone when this process is, also by SIGKILL: a shell, in a session of its
 * own, waits for the end of a pipe that only this process holds.
 *
 * @returns what to call after the server ended in order, before its folders are removed
 */
export function tieToThisProcess({ pid, dataFolder }: Embedded, home: string): () => void {
  const apart = dataFolder.startsWith(home) ? home : dirname(dataFolder)
  const watcher = spawn('/bin/sh', ['-c', watch, 'sh', `${pid}`, home, apart], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // Neither may keep this process from ending.
  watcher.unref()
  const pipe = watcher.stdin as Socket
  pipe.unref()
  return () => pipe.end('done\n')
}
