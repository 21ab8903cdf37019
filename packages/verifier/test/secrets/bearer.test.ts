import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { bearerSecret } from '../../src/secrets/bearer.ts'
import { HandClock } from '../support/clock.ts'
import { emptyFolder } from '../support/folder.ts'
import { NOW_MS, refused } from '../support/keys.ts'
import { Mailbox, until } from '../support/mailbox.ts'
import { mountedSecret } from '../support/mounted-secret.ts'

async function watched(t: TestContext, text: string) {
  const path = join(await emptyFolder(t), 'token')
  await writeFile(path, text)
  const clock = new HandClock(NOW_MS)
  const problems = new Mailbox<string>()
  const secret = bearerSecret({ file: path }, { clock, onProblem: ({ code }) => problems.put(code) })
  t.after(() => secret.close())
  return { path, clock, problems, secret }
}

describe('a bearer secret', { timeout: 20_000 }, () => {
  it('matches each of its secrets and nothing else', () => {
    const secret = bearerSecret('new,old')
    assert.ok(secret.matches('new'))
    assert.ok(secret.matches('old'))
    for (const other of ['', 'ne', 'new ', 'New', 'new,old', 'newold', 'x'.repeat(100_000)]) {
      assert.ok(!secret.matches(other))
    }
    for (const other of [undefined, null, 7, ['new'], { toString: () => 'new' }]) {
      assert.ok(!secret.matches(other as never))
    }
    secret.close()
  })

  it('is refused at the start when there is none', async (t) => {
    assert.throws(() => bearerSecret(''), TypeError)
    const missing = join(await emptyFolder(t), 'nowhere')
    assert.throws(() => bearerSecret({ file: missing }), refused('secrets_failed'))
    await writeFile(missing, '')
    assert.throws(() => bearerSecret(`file:${missing}`), TypeError)
  })

  it('takes a changed file up within a second, and refuses at once what is not in it any more', async (t) => {
    const { path, clock, secret } = await watched(t, 'old')
    await writeFile(path, 'new,old')
    clock.advance(1_000)
    await until(() => secret.matches('new'))
    assert.ok(secret.matches('old'))
    await writeFile(`${path}.next`, 'new\n')
    await rename(`${path}.next`, path)
    clock.advance(1_000)
    await until(() => !secret.matches('old'))
    assert.ok(secret.matches('new'))
  })

  it('sees the swap of a link two levels above the file, as Kubernetes updates it', async (t) => {
    const { path, update } = await mountedSecret(await emptyFolder(t), 'token')
    await update('one')
    const clock = new HandClock(NOW_MS)
    const secret = bearerSecret(`file:${path}`, { clock })
    t.after(() => secret.close())
    for (const [next, last] of [
      ['two', 'one'],
      ['six', 'two'],
    ] as const) {
      await update(next)
      clock.advance(1_000)
      await until(() => secret.matches(next))
      assert.ok(!secret.matches(last))
    }
  })

  for (const [fault, cause] of [
    ['gone', (path: string) => rm(path)],
    ['empty', (path: string) => writeFile(path, '')],
    ['wrong', (path: string) => writeFile(path, 'hush,,other')],
  ] as const) {
    it(`goes on with what it read last while the file is ${fault}, says so, and takes up the next good one`, async (t) => {
      const { path, clock, problems, secret } = await watched(t, 'hush')
      await cause(path)
      clock.advance(1_000)
      assert.equal(await problems.next(), 'secrets_failed')
      assert.ok(secret.matches('hush') && !secret.matches('other'))
      await writeFile(path, 'back')
      await until(() => {
        clock.advance(1_000)
        return secret.matches('back')
      })
      assert.ok(!secret.matches('hush'))
      assert.equal(problems.size, 0)
    })
  }

  it('keeps no process alive', async (t) => {
    const path = join(await emptyFolder(t), 'token')
    await writeFile(path, 'hush')
    const module = new URL('../../src/secrets/bearer.ts', import.meta.url).href
    const script = `import { bearerSecret } from ${JSON.stringify(module)}; bearerSecret({ file: process.argv[1] })`
    const child = execFile(process.execPath, ['--input-type=module', '-e', script, path], { timeout: 10_000 })
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
  })
})
