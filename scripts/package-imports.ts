import { existsSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import ts from 'typescript'

/** What an entry point may need beside its own package, which has its name: whoever leases of `hasql/pg` has `pg`. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  '.': [],
  './pg': ['pg'],
  './pg-native': ['pg'],
  './postgres': ['postgres'],
  './drizzle': ['pg', 'drizzle-orm'],
  './knex': ['pg', 'knex'],
  './kysely': ['pg', 'kysely'],
  './mikro-orm': ['pg', '@mikro-orm/postgresql'],
  './pg-promise': ['pg', 'pg-promise'],
  './prisma': ['pg', '@prisma/adapter-pg'],
  './sequelize': ['pg'],
  './slonik': ['pg', 'slonik'],
  './typeorm': ['pg'],
  './otel': ['@opentelemetry/api'],
  './prometheus': [],
  './dashboard': [],
  './testing': ['hasql-testing'],
}

interface Entry {
  readonly types: string
  readonly default: string
}

/**
 * Follows what each entry point of an unpacked package imports, in its code and in its declarations: whoever uses one driver or
 * library need not have another, not even for the compiler.
 */
export function checkImports(folder: string): void {
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    exports: Readonly<Record<string, string | Entry>>
  }
  for (const [name, entry] of Object.entries(exports)) {
    if (typeof entry === 'string') continue
    for (const file of [entry.types, entry.default]) {
      const foreign = [...packagesBehind(join(folder, file))].filter((each) => !NEEDS[name]?.includes(each))
      if (foreign.length > 0) throw new Error(`hasql${name.slice(1)} (${file}) needs ${foreign.join(', ')}`)
    }
  }
  console.log('each entry point needs its own packages only')
}

function packagesBehind(file: string, seen: Set<string> = new Set(), found: Set<string> = new Set()): Set<string> {
  if (seen.has(file)) return found
  seen.add(file)
  for (const specifier of importsOf(file)) {
    if (specifier.startsWith('.')) packagesBehind(besides(file, specifier), seen, found)
    else if (!isBuiltin(specifier)) found.add(specifier.replace(/^((?:@[^/]+\/)?[^/]+).*$/, '$1'))
  }
  return found
}

/** What is loaded at once, or looked at by the compiler; `import()` in code is for what may be missing. */
function importsOf(file: string): readonly string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal)
    ts.forEachChild(node, visit)
  }
  const add = (specifier: ts.Node | undefined): void => {
    if (specifier !== undefined && ts.isStringLiteral(specifier)) found.push(specifier.text)
  }
  visit(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest))
  return found
}

function besides(file: string, specifier: string): string {
  const path = join(dirname(file), specifier)
  const declarations = path.replace(/\.js$/, '.d.ts')
  return file.endsWith('.d.ts') && existsSync(declarations) ? declarations : path
}
