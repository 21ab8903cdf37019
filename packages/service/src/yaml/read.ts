/** YAML, of which JSON is a part, in which every field knows its line. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { placeOf } from './place.ts'

/** A file of YAML. */
export interface YamlFile {
  document: Document
  /** Where a field is, or the nearest thing around it that is there. */
  place(path: readonly PropertyKey[]): string
  /** Where a node of the document is, which is the field of that path. */
  placeOfNode(node: Node, path: readonly PropertyKey[]): string
  /** What it says; nothing where its aliases stand for too much. */
  plain(): { value: unknown } | undefined
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

/**
 * @param file as it is called in messages
 * @param tell hears of each mistake, beginning with where it is; none repeats a value
 * @returns nothing where the text is no YAML, which has been told then
 */
export function readYaml(file: string, text: string, tell: (mistake: string) => void): YamlFile | undefined {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true })
  const placeAt = (offset: number, path?: readonly PropertyKey[]) =>
    placeOf(file, Math.max(lines.linePos(offset).line, 1), path)
  const wrong = [...document.errors, ...document.warnings].map(
    ({ code, pos }) => `${placeAt(pos[0])}: ${faults[code] ?? 'this is not YAML'}`,
  )
  // One bracket too few is told for every sign that it makes no sense of.
  for (const mistake of new Set(wrong)) tell(mistake)
  if (wrong.length > 0) return undefined
  return {
    document,
    place: (path) => placeAt(offsetOf(document, path), path),
    placeOfNode: (node, path) => placeAt(startOf(node) ?? 0, path),
    plain: () => plainOf(document),
  }
}

function plainOf(document: Document): { value: unknown } | undefined {
  try {
    return { value: document.toJS({ maxAliasCount }) }
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
