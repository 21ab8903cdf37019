import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { BreakGlassError } from '../../../src/error.ts'
import { readCommandFile } from '../../../src/providers/command/file.ts'
import { emptyFolder } from './scripts.ts'

const run = { run: ['./kc', 'inspect'] }
const commands = { inspect: run, promote: run, revoke: run }
const issuer = 'https://idp.example.com/realms/main'

async function written(test: TestContext, content: unknown, mode = 0o600): Promise<string> {
  const file = join(await emptyFolder(test), 'idp.json')
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
  await chmod(file, mode)
  return file
}

async function refusal(test: TestContext, content: unknown, mode?: number): Promise<BreakGlassError> {
  const failure = await readCommandFile(await written(test, content, mode), '/incidents').catch((error) => error)
  assert.ok(failure instanceof BreakGlassError, String(failure))
  return failure
}

describe('the file of commands', () => {
  it('is read with its defaults, and paths are from its own folder', async (t) => {
    const file = await written(t, { issuer, folder: 'kept', commands })
    const config = await readCommandFile(file, '/incidents')
    assert.deepEqual(config.commands.promote, { run: ['./kc', 'inspect'], timeoutSeconds: 60, env: [] })
    assert.equal(config.folder, join(config.home, 'kept'))
    assert.equal(join(config.home, 'idp.json'), file)
  })

  it('leaves the folder of incidents to the caller', async (t) => {
    assert.equal((await readCommandFile(await written(t, { issuer, commands }), '/incidents')).folder, '/incidents')
  })

  for (const [mode, who] of [
    [0o620, 'its group'],
    [0o602, 'everybody'],
  ] as const) {
    it(`is refused when ${who} may write it`, async (t) => {
      const failure = await refusal(t, { issuer, commands }, mode)
      assert.equal(failure.code, 'FILE_FAILED')
      assert.match(failure.message, /chmod go-w/)
    })
  }

  it('is refused when it is not there', async () => {
    await assert.rejects(readCommandFile('/nowhere/idp.json', '/incidents'), { code: 'FILE_FAILED' })
  })

  it('is refused when it is no JSON, without a word of what it holds', async (t) => {
    const failure = await refusal(t, '{"password": hunter2')
    assert.equal(failure.code, 'PLAN_INVALID')
    assert.doesNotMatch(`${failure.message}${failure.cause}`, /hunter/)
  })

  for (const [what, content, path] of [
    ['without an issuer', { commands }, ['issuer']],
    ['without revoke', { issuer, commands: { ...commands, revoke: undefined } }, ['commands', 'revoke']],
    [
      'with a command line in the place of arguments',
      { issuer, commands: { ...commands, revoke: { run: './kc revoke' } } },
      ['commands', 'revoke', 'run'],
    ],
    [
      'with a command of nothing',
      { issuer, commands: { ...commands, revoke: { run: [] } } },
      ['commands', 'revoke', 'run', 0],
    ],
    [
      'with an argument that no system takes',
      { issuer, commands: { ...commands, revoke: { run: ['a', 'b\0c'] } } },
      ['commands', 'revoke', 'run', 1],
    ],
    [
      'with a value in the place of a variable',
      { issuer, commands: { ...commands, revoke: { ...run, env: ['A=secret'] } } },
      ['commands', 'revoke', 'env', 0],
    ],
    ['with a command that nobody calls', { issuer, commands: { ...commands, rotate: run } }, ['commands']],
    ['with freeze and no unfreeze', { issuer, commands: { ...commands, freeze: run } }, ['commands', 'unfreeze']],
    [
      'with a time that is none',
      { issuer, commands: { ...commands, revoke: { ...run, timeoutSeconds: 0 } } },
      ['commands', 'revoke', 'timeoutSeconds'],
    ],
  ] as const) {
    it(`is refused ${what}, and says where`, async (t) => {
      const failure = await refusal(t, content)
      assert.equal(failure.code, 'PLAN_INVALID')
      assert.deepEqual(failure.facts.path, path)
      assert.doesNotMatch(failure.message, /secret/)
    })
  }
})
