import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { run } from './shell.ts'
import { executable } from './up.ts'

test('wrong use ends with 2, the reason and the help of the command', async () => {
  const lines = [
    [],
    ['frobnicate'],
    ['rotate'],
    ['rotate', 'signing-es256', '--until', 'tomorrow'],
    ['revoke', 'signing-es256', 'kid-1'],
    ['load', '--rate', 'many'],
    ['load', '--seconds', '-1'],
    ['load', '--rate', '1000000'],
    ['status', 'too', 'many'],
    ['agent', 'create'],
    ['agent', 'list', '--status', 'asleep'],
    ['agent', 'list', '--limit', 'all'],
    ['credential', 'rotate', 'billing'],
    ['audit', 'list', '--from', 'yesterday'],
    ['audit', 'list', '--from', '9999999d'],
    ['audit', 'proof'],
    ['verifier', 'forget'],
    ['account', 'create'],
    ['dcr', 'bootstrap', '--no-such-option'],
    ['dcr', 'token', 'create'],
    ['dcr', 'token', 'create', 'bff', '--expires-in', '10ms'],
    ['dcr', 'token', 'create', 'bff', '--client', '..'],
    ['dcr', 'client', 'jwks', 'replace', 'bff-server'],
    ['issue-with'],
    ['up', '--idps', '0'],
    ['up', '--idps', '9'],
    ['up', '--idps', '2.5'],
    ['up', '--idps', 'two'],
  ]
  for (const words of lines) {
    const { code, stdout, stderr } = await run(words)
    assert.equal(code, 2, words.join(' '))
    assert.equal(stdout, '')
    assert.match(stderr, /Usage: rekey/)
  }
})

test('with --json wrong use is one document on stdout', async () => {
  const { code, stdout } = await run(['revoke', 'signing-es256', 'kid-1', '--json'])
  assert.equal(code, 2)
  assert.deepEqual(JSON.parse(stdout), {
    code: 'WRONG_USE',
    message: "required option '--reason <text>' not specified",
  })
})

test('asking for help is no error, and every command explains itself', async () => {
  const { code, stdout } = await run(['--help'])
  assert.equal(code, 0)
  const names = [...stdout.matchAll(/^ {2}([\w-]+) .*/gm)].map(([, name]) => name as string)
  const commands =
    'up status rotate prepare rollback discard revoke issue-with agent credential dcr account audit verifier token load idp'.split(
      ' ',
    )
  for (const name of commands) assert.ok(names.includes(name), name)
  for (const name of commands) assert.equal((await run([name, '--help'])).code, 0)
})

test('the version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  assert.deepEqual(await run(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
  assert.equal((await run(['-V'])).stdout, `${version}\n`)
})

test('without an estate every command that needs one ends with 3 and says what to do', async () => {
  const lines = [
    ['status'],
    ['token'],
    ['load'],
    ['rotate', 'k'],
    ['prepare', 'k'],
    ['agent', 'create', 'a'],
    ['agent', 'list'],
    ['credential', 'show', 'a', 'c'],
    ['dcr', 'token', 'list'],
    ['dcr', 'client', 'show', 'bff-server'],
    ['account', 'list'],
    ['audit', 'verify'],
    ['audit', 'export', '/nowhere/at/all/export'],
    ['issue-with', 'k'],
  ]
  for (const words of lines) {
    const { code, stdout, stderr } = await run([...words, '--json'], { REKEY_HOME: '/nowhere/at/all' })
    assert.equal(code, 3, words.join(' '))
    assert.equal(JSON.parse(stdout).code, 'NO_ESTATE')
    assert.match(stderr, /rekey up/)
  }
})

test('"rekey idp" without a configuration ends with 1 and names what is missing', () => {
  const { status, stdout } = spawnSync(process.execPath, [executable, 'idp'], { env: {}, encoding: 'utf8' })
  assert.equal(status, 1)
  assert.match(JSON.parse(stdout).msg, /REKEY_ISSUER.*DATABASE_URL.*REKEY_ROOT_KEY/)
})
