import { readFileSync } from 'node:fs'
import ts from 'typescript'

/** A text of SQL in a source file; what is put into a template is left as `${}`. */
export interface SqlText {
  readonly file: string
  readonly sql: string
}

/** The SQL that these source files hold as literals: whatever begins with `select`, and its parts with a cast in them. */
export function sqlIn(files: readonly string[]): readonly SqlText[] {
  return files.flatMap((file) => literalsOf(file).flatMap((sql) => (isSql(sql) ? [{ file, sql }] : [])))
}

function isSql(text: string): boolean {
  return /^\s*(?:select|with)\s[^]*\w/i.test(text) || /::\s*[a-z]|\bpg_catalog\./i.test(text)
}

function literalsOf(file: string): readonly string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) found.push(node.text)
    if (ts.isTemplateExpression(node)) {
      found.push([node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('${}'))
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true))
  return found
}

/** What has brackets behind it and is no function that could be another one (PostgreSQL documentation, Appendix C "SQL Key Words"). */
const GRAMMAR: ReadonlySet<string> = new Set(
  'any as and bit case coalesce else exists extract from greatest in least not nullif operator or select then when where'.split(
    ' ',
  ),
)
/** Types that are key words, and so always those of `pg_catalog`. */
const KEYWORD_TYPES: ReadonlySet<string> = new Set(
  'bigint bit boolean char decimal float int integer interval numeric real smallint time timestamp varchar'.split(' '),
)

/** The names in a text of SQL that the `search_path` of a role can lead elsewhere: functions, relations, types and operators. */
export function unqualifiedNames(sql: string): readonly string[] {
  // The text of a literal is no name, unless it is cast to one or says a function to has_function_privilege.
  const regprocedures = [...sql.matchAll(/has_\w+_privilege\s*\(\s*'([^']*)'/g)].flatMap(([, name = '']) =>
    name.startsWith('pg_catalog.') ? [] : [`'${name}'`],
  )
  const text = sql.replaceAll(/'[^']*'/g, "''").replaceAll(/\boperator\s*\(\s*pg_catalog\.[^\s)]+\s*\)/gi, ' ')
  const named = [
    ...matches(text, /(?<![\w.])([a-z_]\w*)\s*\(/gi).filter((name) => !GRAMMAR.has(name) && !KEYWORD_TYPES.has(name)),
    ...matches(text, /\b(?:from|join)\s+(?!lateral\b|pg_catalog\.|\(|epoch\b)([a-z_]\w*)/gi),
    ...matches(text, /::\s*(?!pg_catalog\.)([a-z_]\w*)/gi).filter((name) => !KEYWORD_TYPES.has(name)),
    ...matches(text.replaceAll('::', ' ').replaceAll('${}', ' '), /([-+*/<>=~!@#%^&|`?]+)/g).filter(
      (name) => name !== '*',
    ),
  ]
  return [...regprocedures, ...named]
}

function matches(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map(([, name = '']) => name.toLowerCase())
}
