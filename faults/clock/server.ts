import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readlink, stat } from 'node:fs/promises'
import type { TestContext } from 'node:test'
import { connect } from '@rekey/database'
import { atEnd } from '../estate/at-end.ts'
import type { Server } from '../estate/server.ts'
import { until } from '../estate/until.ts'
import type { FakeClock } from './fake.ts'

/** Starts a server anew, the same program with the same words on the same data, under a clock that can be set. */
export async function underClock(t: TestContext, server: Server, clock: FakeClock): Promise<void> {
  const program = await readlink(`/proc/${server.pid}/exe`)
  const [, ...words] = (await readFile(`/proc/${server.pid}/cmdline`, 'utf8')).split('\0').slice(0, -1)
  const { uid, gid } = await stat(server.dataFolder)
  await server.stop()
  const child = spawn(program, words, {
    cwd: '/',
    env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin', ...clock.environment },
    stdio: 'ignore',
    ...(process.getuid?.() === 0 ? { uid, gid } : {}),
  })
  const ended = once(child, 'exit')
  atEnd(t, async () => {
    // An immediate shutdown: nobody is left to wait for.
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGQUIT')
    await ended
  })
  await until('the server answers', () => answers(server))
}

async function answers({ urls }: Server): Promise<boolean> {
  const { pool, close } = connect(urls.ownerUrl, { max: 1 })
  try {
    await pool.query('SELECT 1')
    return true
  } finally {
    await close()
  }
}
