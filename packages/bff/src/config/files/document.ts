/** A YAML file with its variables filled in. */
import { mistakesOf, readYaml } from '@rekey/service'
import { type Document, isPair, isScalar, isSeq, type Node, visit } from 'yaml'
import type { z } from 'zod'
import type { Mistakes } from './mistakes.ts'
import { fillIn, fillInSecret } from './variables.ts'

export interface ConfigDocument {
  /** Where a field is, or the nearest thing around it that is there. */
  place(path: readonly PropertyKey[]): string
  /** What the schema makes of it; nothing where it does not fit, which has been told then. */
  check<T>(schema: z.ZodType<T>): T | undefined
}

/** @returns nothing where the file is no YAML, which has been told then */
export function readDocument(file: string, text: string, env: NodeJS.ProcessEnv, mistakes: Mistakes) {
  const yaml = readYaml(file, text, (mistake) => mistakes.add(mistake))
  if (!yaml) return undefined
  const refused = new Set<string>()
  fillInAll(yaml.document, env, (node, path, message) => {
    mistakes.add(`${yaml.placeOfNode(node, path)}: ${message}`)
    refused.add(JSON.stringify(path))
  })
  const plain = yaml.plain()
  // An alias of nothing has been told by its name.
  if (!plain && refused.size === 0) mistakes.add(`${yaml.place([])}: too many aliases`)
  return plain && configDocument(plain.value, yaml.place, mistakes, refused)
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
        for (const { path, message } of mistakesOf(issue, value)) mistakes.add(`${place(path)}: ${message}`)
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
