import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { RealIdp } from './real-idp.ts'

let idp: RealIdp
before(async () => {
  idp = await RealIdp.start()
})
after(() => idp.remove())

test('an account is made with a password that is shown once, and found by its username', async () => {
  const words = ['--name', 'Ada Lovelace', '--email', 'ada@example.com', '--role', 'admin', '--role', 'auditor']
  const { code, stdout, stderr } = await idp.rekey('account', 'create', 'ada', ...words)
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^accountId +[0-9a-f-]{36}\nusername +ada\npassword +\S{16,} {3}\(shown only now\)\n$/)
  const shown = await idp.json('account', 'show', 'ada')
  const { username, name, email, roles, status } = shown
  assert.deepEqual(
    { username, name, email, roles, status },
    { username: 'ada', name: 'Ada Lovelace', email: 'ada@example.com', roles: ['admin', 'auditor'], status: 'active' },
  )
  assert.deepEqual(await idp.json('account', 'show', shown.accountId), shown)
  assert.match((await idp.rekey('account', 'show', 'ada')).stdout, /Name +Ada Lovelace\nE-mail +ada@example.com\n/)
  assert.deepEqual((await idp.json('account', 'list')).accounts, [shown])
  assert.match((await idp.rekey('account', 'list')).stdout, new RegExp(`  ${shown.accountId} +ada +active `))
})

test('a password that a person chose comes by stdin, and is never shown', async () => {
  const { code, stdout } = await idp.rekeyTold(
    'correct horse battery\n',
    'account',
    'create',
    'bob',
    '--password-stdin',
  )
  assert.equal(code, 0)
  assert.doesNotMatch(stdout, /password|horse/)
  const changed = await idp.rekeyTold('staple horse battery\n', 'account', 'set-password', 'bob', '--password-stdin')
  assert.deepEqual([changed.code, /horse/.test(changed.stdout + changed.stderr)], [0, false])
  assert.match(changed.stdout, /^bob has another password: .*\n$/)
  const made = await idp.json('account', 'set-password', 'bob')
  assert.match(made.password, /^[\w-]{24}$/)
})

test('a password that is made for a person stands alone on stdout, as other secrets do', async () => {
  const { code, stdout, stderr } = await idp.rekey('account', 'set-password', 'bob')
  assert.equal(code, 0)
  assert.match(stdout, /^[\w-]{24}\n$/)
  assert.match(stderr, /^bob has another password: .* It is shown only now\.\n$/)
})

test('an empty stdin, and a password that is too short, change nothing', async () => {
  const before = await idp.json('account', 'show', 'bob')
  const empty = await idp.rekeyTold('', 'account', 'set-password', 'bob', '--password-stdin')
  assert.deepEqual([empty.code, empty.stderr], [2, 'rekey: stdin holds no password\n'])
  const short = await idp.rekeyTold('short\n', 'account', 'set-password', 'bob', '--password-stdin', '--json')
  assert.equal(short.code, 1)
  assert.doesNotMatch(short.stdout + short.stderr, /"short"/)
  assert.deepEqual(await idp.json('account', 'show', 'bob'), before)
})

test('a person who is disabled is so until somebody enables the account again', async () => {
  assert.equal((await idp.json('account', 'disable', 'bob')).status, 'disabled')
  const { stdout } = await idp.rekey('account', 'enable', 'bob')
  assert.equal(stdout, 'bob may log in again.\n')
  assert.equal((await idp.json('account', 'show', 'bob')).status, 'active')
})

test('what a person gets wrong ends with the code of its kind', async () => {
  const cases = [
    [['account', 'show', 'nobody'], 1, 'UNKNOWN_ACCOUNT'],
    [['account', 'show', 'no name at all'], 1, 'UNKNOWN_ACCOUNT'],
    [['account', 'disable', '00000000-0000-4000-8000-000000000000'], 1, 'UNKNOWN_ACCOUNT'],
    [['account', 'create', 'ADA'], 4, 'ALREADY_EXISTS'],
    [['account', 'create'], 2, 'WRONG_USE'],
  ] as const
  for (const [words, code, reason] of cases) {
    const ran = await idp.rekey(...words, '--json')
    assert.deepEqual([ran.code, JSON.parse(ran.stdout).code], [code, reason], words.join(' '))
  }
})
