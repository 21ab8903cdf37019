/** A YAML file with its variables filled in, in which every field knows its line. */
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml'
import type { z } from 'zod'
import { type Mistakes, placeOf } from './mistakes.ts'
import { fillIn, fillInSecret } from './variables.ts'

export interface ConfigDocument {
  /** Where a field is, or the nearest thing around it that is there. */
  place(path: readonly PropertyKey[]): string
  /** What the schema makes of it; nothing where it does not fit, which has been told then. */
  check<T>(schema: z.ZodType<T>): T | undefined
}

/** Aliases in aliases grow without bound: ten lines can stand for gigabytes. */
const maxAliasCount = 100

/** What the library says of a fault may repeat the text, in which a secret may stand. */
const faults: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'an alias without an anchor',
  BAD_INDENT: 'wrong indentation',
  DUPLICATE_KEY: 'this key stands twice',
  MISSING_CHAR: 'a closing quote, bracket or colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a key needs a colon on its own line',
  MULTIPLE_DOCS: 'more than one document in one file',
  NON_STRING_KEY: 'a key must be a text',
  TAB_AS_INDENT: 'indentation by tabs; use spaces',
  TAG_RESOLVE_FAILED: 'tags are not understood here',
}

/** @returns nothing where the file is no YAML, which has been told then */
export function readDocument(file: string, text: string, env: NodeJS.ProcessEnv, mistakes: Mistakes) {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true })
  const lineAt = (offset: number) => Math.max(lines.linePos(offset).line, 1)
  const wrong = [...document.errors, ...document.warnings].map(
    ({ code, pos }) => `${placeOf(file, lineAt(pos[0]))}: ${faults[code] ?? 'this is not YAML'}`,
  )
  // One bracket too few is told for every sign that it makes no sense of.
  for (const mistake of new Set(wrong)) mistakes.add(mistake)
  if (document.errors.length + document.warnings.length > 0) return undefined
  const refused = new Set<string>()
  fillInAll(document, env, (node, path, message) => {
    mistakes.add(`${placeOf(file, lineAt(node.range?.[0] ?? 0), path)}: ${message}`)
    refused.add(JSON.stringify(path))
  })
  const value = plainOf(document)
  if (value === undefined) {
    // An alias of nothing has been told by its name.
    if (refused.size === 0) mistakes.add(`${placeOf(file, 1)}: too many aliases`)
    return undefined
  }
  const place = (path: readonly PropertyKey[]) => placeOf(file, lineAt(offsetOf(document, path)), path)
  return configDocument(value.plain, place, mistakes, refused)
}

function configDocument(
  value: unknown,
  place: ConfigDocument['place'],
  mistakes: Mistakes,
  refused: ReadonlySet<string>,
): ConfigDocument {
  return {
    place,
    check(schema) {
      const parsed = schema.safeParse(value)
      if (parsed.success) return parsed.data
      for (const issue of parsed.error.issues) {
        // What is wrong with a value that could not be filled in has been told.
        if (refused.has(JSON.stringify(issue.path))) continue
        for (const { path, message } of told(issue, value)) mistakes.add(`${place(path)}: ${message}`)
      }
      return undefined
    },
  }
}

type RefuseValue = (node: Node, path: readonly PropertyKey[], message: string) => void

function fillInAll(document: Document, env: NodeJS.ProcessEnv, refuse: RefuseValue): void {
  visit(document, {
    Alias(_key, node, around) {
      if (!node.resolve(document)) refuse(node, pathOf([...around, node]), 'an alias without an anchor')
    },
    Scalar(key, node, around) {
      if (key === 'key') return
      const path = pathOf([...around, node])
      // `audience:` with nothing behind it is an oversight, and null is a decision.
      if (node.value === null && !node.source)
        refuse(node, path, 'there is no value; write null where nothing is meant')
      if (typeof node.value !== 'string') return
      const filled = (path.at(-1) === 'client_secret' ? fillInSecret : fillIn)(node.value, env)
      if ('text' in filled) node.value = filled.text
      else if ('unset' in filled) refuse(node, path, `not set: ${filled.unset.join(', ')}`)
      else refuse(node, path, `expected ${form}`)
    },
  })
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: this is how variables are written
const form = '${NAME} or ${NAME:-default}; a dollar sign by itself before a brace is written $$'

/** @param nodes from the document down to a value */
function pathOf(nodes: readonly unknown[]): PropertyKey[] {
  return nodes.flatMap((node, i): PropertyKey[] => {
    if (isPair(node)) return isScalar(node.key) ? [String(node.key.value)] : []
    return isSeq(node) ? [node.items.indexOf(nodes[i + 1])] : []
  })
}

function plainOf(document: Document): { plain: unknown } | undefined {
  try {
    return { plain: document.toJS({ maxAliasCount }) }
  } catch (error) {
    if (error instanceof ReferenceError) return undefined
    throw error
  }
}

/** Of the key, where there is one. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
      if (pair === undefined) break
      offset = startOf(pair.key) ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(step)]
      offset = startOf(node) ?? offset
    } else break
  }
  return offset
}

function startOf(node: unknown): number | undefined {
  return (node as { range?: [number, number, number] | null } | null)?.range?.[0]
}

/** A sentence for each thing that is wrong. None repeats a value. */
function told(issue: z.core.$ZodIssue, root: unknown): { path: readonly PropertyKey[]; message: string }[] {
  const { path } = issue
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: 'there is no such field' }))
  }
  const isMissing = path.length > 0 && valueAt(root, path) === undefined
  const expected = expectation(issue)
  return [{ path, message: isMissing ? `missing, expected ${expected}` : `expected ${expected}` }]
}

/** Messages of our own schemas say what is expected. Those of the library begin with "Invalid". */
function expectation(issue: z.core.$ZodIssue): string {
  if (!issue.message.startsWith('Invalid')) return issue.message
  if (issue.code === 'invalid_type') return kinds[issue.expected] ?? issue.expected
  if (issue.code === 'invalid_value') return issue.values.map(String).join(' or ')
  if (issue.code === 'invalid_key') return `another name: ${issue.issues.map(expectation).join(', ')}`
  return 'something else'
}

const kinds: Readonly<Record<string, string>> = {
  object: 'fields',
  record: 'fields',
  array: 'a list',
  string: 'a text',
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], root)
}
