import * as ast from 'typescript/unstable/ast';
import { API } from 'typescript/unstable/sync';

/** One small lie in a file: the text between two places replaced by another. */
export interface Mutant {
  /** From the top of the repository. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly kind: MutantKind;
  readonly from: number;
  readonly to: number;
  readonly before: string;
  readonly after: string;
}

export type MutantKind =
  | 'boundary'
  | 'comparison'
  | 'arithmetic'
  | 'logic'
  | 'condition'
  | 'constant'
  | 'return'
  | 'removal';

type Add = (node: ast.Node, kind: MutantKind, after: string, upTo?: ast.Node) => void;

const { SyntaxKind } = ast;

/** What an operator becomes. The first of a comparison moves its boundary; the second turns it round. */
const operators: ReadonlyMap<ast.SyntaxKind, readonly (readonly [MutantKind, string])[]> = new Map<
  ast.SyntaxKind,
  readonly (readonly [MutantKind, string])[]
>([
  [
    SyntaxKind.LessThanToken,
    [
      ['boundary', '<='],
      ['comparison', '>='],
    ],
  ],
  [
    SyntaxKind.LessThanEqualsToken,
    [
      ['boundary', '<'],
      ['comparison', '>'],
    ],
  ],
  [
    SyntaxKind.GreaterThanToken,
    [
      ['boundary', '>='],
      ['comparison', '<='],
    ],
  ],
  [
    SyntaxKind.GreaterThanEqualsToken,
    [
      ['boundary', '>'],
      ['comparison', '<'],
    ],
  ],
  [SyntaxKind.EqualsEqualsEqualsToken, [['comparison', '!==']]],
  [SyntaxKind.ExclamationEqualsEqualsToken, [['comparison', '===']]],
  [SyntaxKind.PlusToken, [['arithmetic', '-']]],
  [SyntaxKind.MinusToken, [['arithmetic', '+']]],
  [SyntaxKind.AsteriskToken, [['arithmetic', '/']]],
  [SyntaxKind.SlashToken, [['arithmetic', '*']]],
  [SyntaxKind.PercentToken, [['arithmetic', '*']]],
  [SyntaxKind.LessThanLessThanToken, [['arithmetic', '>>']]],
  [SyntaxKind.GreaterThanGreaterThanToken, [['arithmetic', '<<']]],
  [SyntaxKind.GreaterThanGreaterThanGreaterThanToken, [['arithmetic', '<<']]],
  [SyntaxKind.AmpersandToken, [['arithmetic', '|']]],
  [SyntaxKind.BarToken, [['arithmetic', '&']]],
  [SyntaxKind.CaretToken, [['arithmetic', '&']]],
  [SyntaxKind.AmpersandAmpersandToken, [['logic', '||']]],
  [SyntaxKind.BarBarToken, [['logic', '&&']]],
  [SyntaxKind.PlusEqualsToken, [['arithmetic', '-=']]],
  [SyntaxKind.MinusEqualsToken, [['arithmetic', '+=']]],
  [SyntaxKind.AsteriskEqualsToken, [['arithmetic', '/=']]],
  [SyntaxKind.BarEqualsToken, [['arithmetic', '&=']]],
  [SyntaxKind.AmpersandEqualsToken, [['arithmetic', '|=']]],
]);

/** Every mutant of some files, in the order of their text. `root` holds the `tsconfig.json` that they belong to. */
export function mutantsOf(root: string, files: readonly string[]): Mutant[] {
  const api = new API({ cwd: root });
  try {
    const snapshot = api.updateSnapshot({ openProjects: [`${root}/tsconfig.json`] });
    return files.flatMap((file) => {
      const source = snapshot.getDefaultProjectForFile(`${root}/${file}`)?.program.getSourceFile(`${root}/${file}`);
      if (source === undefined) throw new Error(`${file} is not in the project of ${root}/tsconfig.json`);
      return mutantsOfSource(file, source);
    });
  } finally {
    api.close();
  }
}

/** The text of a file with one mutant in it. */
export function withMutant(text: string, { from, to, before, after }: Mutant): string {
  if (text.slice(from, to) !== before) throw new Error(`the file changed: "${before}" does not stand there`);
  return text.slice(0, from) + after + text.slice(to);
}

function mutantsOfSource(file: string, source: ast.SourceFile): Mutant[] {
  const found: Mutant[] = [];
  const add: Add = (node, kind, after, upTo = node) => {
    const from = node.getStart(source);
    const { line, character } = source.getLineAndCharacterOfPosition(from);
    const before = source.text.slice(from, upTo.end);
    if (before !== after)
      found.push({ file, line: line + 1, column: character + 1, kind, from, to: upTo.end, before, after });
  };
  const visit = (node: ast.Node): void => {
    if (isSilent(node, source)) return;
    mutate(node, source, add);
    node.forEachChild(visit);
  };
  visit(source);
  return found;
}

/** Types do not run. Assertions are about bugs that no test can make, and messages may say what they like. */
function isSilent(node: ast.Node, source: ast.SourceFile): boolean {
  if (ast.isTypeNode(node) || ast.isImportDeclaration(node) || ast.isInterfaceDeclaration(node)) return true;
  if (ast.isThrowStatement(node) || ast.isNewExpression(node)) return isError(node, source);
  return ast.isCallExpression(node) && /^assert(\.\w+)?$/.test(node.expression.getText(source));
}

/** What is thrown; the statement itself may still be removed. */
function isError(node: ast.Node, source: ast.SourceFile): boolean {
  return ast.isNewExpression(node) && /Error$/.test(node.expression.getText(source));
}

function mutate(node: ast.Node, source: ast.SourceFile, add: Add): void {
  if (ast.isBinaryExpression(node)) mutateOperator(node, source, add);
  else if (ast.isIfStatement(node)) mutateCondition(node.expression, add);
  else if (ast.isConditionalExpression(node)) mutateCondition(node.condition, add);
  else if (ast.isWhileStatement(node)) add(node.expression, 'condition', 'false');
  else if (ast.isForStatement(node) && node.condition !== undefined) add(node.condition, 'condition', 'false');
  else if (ast.isReturnStatement(node) && node.expression !== undefined) mutateReturned(node.expression, add);
  else if (ast.isThrowStatement(node) || ast.isContinueStatement(node)) add(node, 'removal', ';');
  else if (ast.isExpressionStatement(node)) removeStatement(node, source, add);
  else mutateValue(node, source, add);
}

function mutateCondition(condition: ast.Node, add: Add): void {
  add(condition, 'condition', 'true');
  add(condition, 'condition', 'false');
}

function mutateOperator({ left, operatorToken, right }: ast.BinaryExpression, source: ast.SourceFile, add: Add): void {
  for (const [kind, after] of operators.get(operatorToken.kind) ?? []) {
    // Texts are put together, not added.
    const isText =
      operatorToken.kind === SyntaxKind.PlusToken && [left, right].some((side) => /^['"`]/.test(side.getText(source)));
    if (!isText) add(operatorToken, kind, after);
  }
  if (operatorToken.kind === SyntaxKind.QuestionQuestionToken) add(left, 'logic', left.getText(source), right);
}

/** Nothing in place of something; literals are mutants of their own. */
function mutateReturned(returned: ast.Node, add: Add): void {
  const isPlain = [SyntaxKind.TrueKeyword, SyntaxKind.FalseKeyword, SyntaxKind.NullKeyword, SyntaxKind.NumericLiteral];
  if (!isPlain.includes(returned.kind)) add(returned, 'return', 'undefined as never');
}

function removeStatement(statement: ast.ExpressionStatement, source: ast.SourceFile, add: Add): void {
  const text = statement.getText(source);
  if (!/^(assert\b|super\b|'use )/.test(text)) add(statement, 'removal', ';');
}

function mutateValue(node: ast.Node, source: ast.SourceFile, add: Add): void {
  const text = node.getText(source);
  if (node.kind === SyntaxKind.TrueKeyword) add(node, 'constant', 'false');
  else if (node.kind === SyntaxKind.FalseKeyword) add(node, 'constant', 'true');
  else if (ast.isNumericLiteral(node)) add(node, 'constant', text === '0' ? '1' : `(${text} + 1)`);
  else if (ast.isBigIntLiteral(node)) add(node, 'constant', `(${text} + 1n)`);
  else if (ast.isPrefixUnaryExpression(node)) mutateUnary(node, source, add);
  else if (ast.isPostfixUnaryExpression(node)) {
    const operand = node.operand.getText(source);
    add(node, 'arithmetic', `${operand}${node.operator === SyntaxKind.PlusPlusToken ? '--' : '++'}`);
  }
}

function mutateUnary(node: ast.PrefixUnaryExpression, source: ast.SourceFile, add: Add): void {
  const operand = node.operand.getText(source);
  if (node.operator === SyntaxKind.ExclamationToken) add(node, 'logic', operand);
  else if (node.operator === SyntaxKind.MinusToken) add(node, 'arithmetic', operand);
  else if (node.operator === SyntaxKind.TildeToken) add(node, 'arithmetic', operand);
}
