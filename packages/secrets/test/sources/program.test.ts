import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { SecretsError } from '../../src/error.ts'
import { programSource } from '../../src/sources/program.ts'
import { eventually } from '../eventually.ts'

describe('a program that prints secrets', { timeout: 30_000 }, () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-program-'))
  })
  after(() => rm(folder, { recursive: true }))

  async function script(name: string, body: string): Promise<string> {
    const path = join(folder, name)
    await writeFile(path, `#!/bin/sh\n${body}\n`)
    await chmod(path, 0o700)
    return path
  }

  const failing = (command: string, message: RegExp, deadlineMs = 10_000) =>
    assert.rejects(programSource(command, process.env, { deadlineMs }).values(), (error) => {
      assert.ok(error instanceof SecretsError)
      assert.equal(error.code, 'SOURCE_UNAVAILABLE')
      const shown = inspect(error, { showHidden: true, depth: 9 })
      assert.match(shown, message)
      assert.doesNotMatch(shown, /quoted/)
      return true
    })

  test('is started with its arguments, by no shell', async () => {
    const path = await script('arguments', 'for one in "$@"; do printf "%s\\n" "$one"; done')
    const source = programSource(`${path} new  $HOME; old`, process.env)
    assert.deepEqual(await source.values(), ['new', '$HOME;', 'old'])
    assert.equal(source.description, `exec:${path}`)
  })

  test('knows nothing of our environment but PATH and HOME', async () => {
    const path = await script('environment', 'env | cut -d= -f1')
    const env = { PATH: process.env.PATH, HOME: '/nowhere', DATABASE_URL: 'postgres://u:p@db', VAULT_TOKEN: 'hvs.x' }
    const names = await programSource(path, env).values()
    // The shell sets some of its own.
    assert.deepEqual(names.filter((name) => !['PWD', 'SHLVL', 'OLDPWD', '_'].includes(name)).sort(), ['HOME', 'PATH'])
  })

  test('that fails is told by how it ended, never by what it said', async () => {
    await failing(await script('exit', 'echo quoted; echo quoted >&2; exit 3'), /exec:\S+\/exit ended with exit code 3/)
    await failing(await script('killed', 'echo quoted; kill -9 $$'), /ended by SIGKILL/)
    await failing(join(folder, 'nowhere'), /ENOENT/)
    const path = await script('not-executable', '')
    await chmod(path, 0o600)
    await failing(path, /EACCES/)
  })

  test('that prints nothing has no secret', async () => {
    await assert.rejects(programSource(await script('silent', 'exit 0'), process.env).values(), {
      code: 'SOURCE_INVALID',
    })
  })

  test('that does not end is ended, with all that it has started', async () => {
    const pids = join(folder, 'pids')
    const path = await script('endless', `sleep 600 & echo $! > ${pids}; echo quoted; wait`)
    await failing(path, /did not end within/, 300)
    const pid = Number(await readFile(pids, 'utf8'))
    await eventually(
      async () => (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'gone')).replace(/^.*\) /, ''),
      (state) => state === 'gone' || state.startsWith('Z'),
    )
  })

  test('that prints without an end is ended too', async () => {
    await failing(await script('chatty', 'while :; do echo quoted; done'), /prints more than/)
  })

  test('is started once for all who ask at once, and cannot be changed', async () => {
    const count = join(folder, 'count')
    const path = await script('counting', `echo started >> ${count}; sleep 0.2; echo key`)
    const source = programSource(path, process.env)
    const read = await Promise.all(Array.from({ length: 5 }, () => source.values()))
    assert.deepEqual(read[4], ['key'])
    assert.equal(await readFile(count, 'utf8'), 'started\n')
    assert.equal(await source.isWritable(), false)
    await assert.rejects(source.add('x'), { code: 'SOURCE_NOT_WRITABLE' })
    await assert.rejects(source.remove('key'), { code: 'SOURCE_NOT_WRITABLE' })
  })

  test('is named by its whole path', () => {
    for (const command of ['cat', './cat x', '~/bin/x']) {
      assert.throws(() => programSource(command, {}), { code: 'SOURCE_INVALID' })
    }
  })
})
