const WORDS = {
  title: ['直通车控制台', 'Through Train console'],
  language: ['语言', 'Language'],
  iAm: ['我的身份', 'I am'],
  nobody: ['任何人（无令牌）', 'anyone (no token)'],
  residentOf: ['居民', 'resident'],
  residentLater: ['居民（请先提交诉求）', 'resident (file a petition first)'],
  tokenUntil: ['令牌有效至', 'token good until'],
  noToken: ['不发送令牌', 'no token is sent'],
  tokenAtFirst: ['运行时取得令牌', 'the token is fetched when you run'],
  inHand: ['当前诉求', 'Petition in hand'],
  inHandNone: ['尚无：运行“提交诉求”', 'none yet: run “File a petition”'],
  forget: ['清除', 'Forget'],
  operations: ['操作', 'Operations'],
  documentation: ['文档', 'Documentation'],
  newTab: ['新建标签页', 'New tab'],
  untitled: ['未命名', 'Untitled'],
  close: ['关闭', 'Close'],
  openTabs: ['已打开的操作', 'Open operations'],
  query: ['查询', 'Query'],
  variables: ['变量', 'Variables'],
  headers: ['请求头', 'Headers'],
  headersSent: ['下次运行会发送', 'Sent with the next run'],
  readAfterWhy: ['上次修改的位置：各服务的回答至少包含它', 'where the last change stands: every answer has at least seen it'],
  answer: ['结果', 'Answer'],
  run: ['运行', 'Run'],
  runHint: ['Ctrl-Enter', 'Ctrl-Enter'],
  stop: ['停止', 'Stop'],
  running: ['运行中……', 'Running…'],
  live: ['实时订阅中', 'Live'],
  connecting: ['连接中……', 'Connecting…'],
  again: ['连接中断，从最后一条继续……', 'The connection broke; going on after the last entry…'],
  ended: ['订阅已结束', 'The subscription has ended'],
  received: ['已收到', 'received'],
  waiting: ['等待事件：在另一个标签页运行一个操作', 'Waiting for events: run another operation in another tab'],
  nothingYet: ['选择左侧的操作，然后运行', 'Choose an operation on the left, and run it'],
  needs: ['先运行填写这些变量的操作：', 'First run the operation that fills in:'],
  badVariables: ['变量不是有效的 JSON', 'The variables are no valid JSON'],
  noAnswer: ['网关没有回答', 'The gateway did not answer'],
  search: ['搜索类型和字段', 'Search types and fields'],
  noneFound: ['没有找到', 'Nothing found'],
  back: ['返回', 'Back'],
  start: ['入口', 'Start'],
  fields: ['字段', 'Fields'],
  values: ['取值', 'Values'],
  arguments: ['参数', 'Arguments'],
  deprecated: ['已弃用', 'Deprecated'],
  allTypes: ['全部类型', 'All types'],
  noSchema: ['正在读取模式……', 'Reading the schema…'],
  leftPanel: ['操作和文档', 'Operations and documentation'],
  UNAUTHENTICATED: ['未认证', 'no valid token'],
  FORBIDDEN: ['此身份不能这样做', 'not for this role'],
  NOT_FOUND: ['不存在，或不属于您', 'does not exist, or is not yours'],
  INVALID_INPUT: ['输入有误', 'something given is wrong'],
  INVALID_STATE: ['当前状态不允许', 'not possible in this state'],
  CONFLICT: ['冲突', 'conflict'],
  RATE_LIMITED: ['过于频繁', 'too often'],
  UNAVAILABLE: ['服务暂不可用', 'a service does not answer'],
  INTERNAL: ['内部错误', 'an error inside'],
};

export const LANGUAGES = { zh: '中文', en: 'English' };

/** The words of the interface in `zh` or `en`, by name; a name without words is itself. */
export function wordsOf(language) {
  const index = language === 'zh' ? 0 : 1;
  return (name) => WORDS[name]?.[index] ?? name;
}

/** The language that was chosen before, else the browser's, else English. */
export function firstLanguage() {
  const kept = localStorage.getItem('language');
  return kept in LANGUAGES ? kept : navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

/** A ready operation's text with the comments of one language: lines of `# zh:` and `# en:` are its two tellings. */
export function told(document, language) {
  const lines = document.trimEnd().split('\n').filter((line) => !/^\s*# (zh|en):/.test(line) || line.includes(`# ${language}:`));
  return lines.map((line) => line.replace(/^(\s*#) (zh|en):/, '$1')).join('\n');
}
