/**
 * Reports in Markdown, to be read as they are as well. A word that might mean something to some dialect (markup, HTML, a link
 * that a renderer makes by itself, the bar of a table) is written as code: no dialect looks for anything in there.
 */
import type { Block, Report, Section, Text } from './text.ts'
import { visible } from './visible.ts'

const signs = { good: '✓ ', bad: '✗ ', unsure: '? ' } as const

// Words, numbers, times and versions. Latin, Greek and Cyrillic, Japanese, Chinese and Korean; words in other scripts are
// written as code, too, so that no version of Unicode changes what a report looks like.
const letter =
  '[0-9A-Za-z\u00c0-\u024f\u0300-\u0373\u0376-\u037d\u037f-\u0481\u048a-\u052f\u3041-\u30ff\u4e00-\u9fff\uac00-\ud7a3]'
const word = new RegExp(`^(?:\\+(?=\\d))?${letter}+(?:[-'’–/]${letter}+|[.:]\\d+)*$`)
/** A token and the punctuation of prose around it. */
const around = /^(["'“‘(]*)(.*?)([.,;:!?)"'”’%…]*)$/su
const lone = /^[-—–…·→✓✗.,;:()"'“”‘’]$/u
// At its beginning "12." or "12)" would be the number of a list, and a hyphen its bullet.
const bullet = /^(?:\d+[.)]|-)$/

export function asMarkdown({ title, subtitle, sections }: Report): string {
  const parts = [`# ${inline(title)}`, inline(subtitle), ...sections.flatMap(sectionParts)]
  return `${parts.join('\n\n')}\n`
}

function sectionParts({ title, blocks }: Section): string[] {
  return [...(title === '' ? [] : [`## ${inline(title)}`]), ...blocks.map(block)]
}

function block(of: Block): string {
  switch (of.kind) {
    case 'paragraph':
      return inline(of.text)
    case 'list':
      return of.items.map((item) => `- ${inline(item)}`).join('\n')
    case 'members':
      return of.rows.map(([name, value]) => `- **${inline(name)}**: ${inline(value)}`).join('\n')
    case 'table':
      return [row(of.head), `|${' --- |'.repeat(of.head.length)}`, ...of.rows.map(row)].join('\n')
    case 'verdict':
      return `> **${signs[of.mark]}${inline(of.headline)}**\n>\n> ${inline(of.text)}`
    case 'commands':
      return ['```sh', ...of.lines, '```'].join('\n')
  }
}

const row = (cells: readonly Text[]) => `| ${cells.map(inline).join(' | ')} |`

/** One line. It may stand at the beginning of a block. */
function inline(text: Text): string {
  return pieces(text)
    .reduce((line, piece) => line + (line.endsWith('`') && piece.startsWith('`') ? ' ' : '') + piece, '')
    .trim()
    .replace(/^\S+/, (first) => (bullet.test(first) ? `\`${first}\`` : first))
}

function pieces(text: Text): string[] {
  if (typeof text === 'string') return [visible(text).replace(/\S+/g, plainOrCode).replace(/\s+/g, ' ')]
  if (Array.isArray(text)) return text.flatMap(pieces)
  if ('code' in text) return [asCode(visible(text.code))]
  const inner = inline(text.text)
  // Nothing but the sign would be left of emphasis around nothing.
  return inner === '' ? [] : [`**${signs[text.mark]}${inner}**`]
}

function plainOrCode(token: string): string {
  const [, before = '', core = '', after = ''] = around.exec(token) ?? []
  if (lone.test(token)) return token
  if (core === '') return asCode(token)
  return before + (word.test(core) ? core : asCode(core)) + after
}

/** A code span has no escapes: what would end it, or the cell of a table that it stands in, is left out of it. */
function asCode(text: string): string {
  return text
    .split(/([`|]+)/)
    .map((part, at) => (at % 2 === 1 ? [...part].map(entity).join('') : part.trim() === '' ? part : `\`${part}\``))
    .join('')
}

const entity = (character: string) => `&#${character.charCodeAt(0)};`
