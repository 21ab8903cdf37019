import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { freePort } from '@rekey/database/testing'
import { pino } from 'pino'
import { readConfig } from '../../src/config.ts'
import { startBff } from '../../src/start.ts'
import { bffEstate } from '../bff.ts'

async function warningsWith(t: TestContext, trusted: string): Promise<string[]> {
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) })
  const { env } = await bffEstate(t)
  const all = { ...env, REKEY_PORT: String(await freePort()), REKEY_TRUSTED_PROXIES: trusted }
  const { close } = await startBff(readConfig(all), all, log)
  await close()
  return lines.filter((line) => line.includes('REKEY_TRUSTED_PROXIES'))
}

describe('a proxy that is trusted', () => {
  it('is warned about at the start where everybody is one', async (t) => {
    for (const everybody of ['0.0.0.0/0', '10.0.0.0/8,::/0']) {
      assert.equal((await warningsWith(t, everybody)).length, 1, everybody)
    }
  })

  it('is not warned about where it is somebody', async (t) => {
    assert.deepEqual(await warningsWith(t, '10.0.0.0/8,127.0.0.1'), [])
  })
})
