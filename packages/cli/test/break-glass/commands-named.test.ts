import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withCommandsNamed } from '../../src/break-glass/commands-named.ts'

test('commands that a text tells are about the provider that was asked', () => {
  const text = 'not done yet: "rekey break-glass resume INC-4.2" goes on, rekey break-glass unfreeze INC-4. End'
  assert.equal(withCommandsNamed(text, {}), text)
  assert.equal(
    withCommandsNamed(text, { idpCommands: 'etc/idp.json' }),
    'not done yet: "rekey break-glass resume INC-4.2 --idp-commands etc/idp.json" goes on, ' +
      'rekey break-glass unfreeze INC-4 --idp-commands etc/idp.json. End',
  )
})

test('the name of a file is one word for a shell', () => {
  const named = withCommandsNamed('rekey break-glass check I', { idpCommands: "it's $HOME & more.json" })
  assert.equal(named, "rekey break-glass check I --idp-commands 'it'\\''s $HOME & more.json'")
})

test('the commands that send something to APIs name those that were named', () => {
  const api = ['https://a library=jose', '@apis.txt']
  const of = (act: string) => withCommandsNamed(`rekey break-glass ${act} I`, { api })
  for (const act of ['resume', 'check'])
    assert.equal(of(act), `rekey break-glass ${act} I --api 'https://a library=jose' --api @apis.txt`)
  assert.equal(of('unfreeze'), 'rekey break-glass unfreeze I')
})
