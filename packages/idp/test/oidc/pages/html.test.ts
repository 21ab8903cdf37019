import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { html } from '../../../src/oidc/pages/html.ts'

describe('a page', () => {
  test('holds as text whatever is put into it, and as HTML only what was made as such', () => {
    const made = html`<p title="${`"'&<>`}">${'<b>'}${html`<i>${'&amp;'}</i>`}${undefined}${7}${[html`a`, html`${'<'}`]}</p>`
    assert.equal(made.text, '<p title="&quot;&#39;&amp;&lt;&gt;">&lt;b&gt;<i>&amp;amp;</i>7a&lt;</p>')
  })
})
