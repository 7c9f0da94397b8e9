// The start page: asks the API and draws what it says. No library, no build. This part: the words.
'use strict';

const TEXTS = {
  en: { find: 'Show', id: 'Order id', skip: 'Skip to content', overview: 'Overview', list: 'All open', language: 'Language',
    rate: 'lines per second', lines: 'lines since the start', open: 'open orders', stuck: 'stuck orders', personal: 'personal data found unmasked', defects: 'lines with defects',
    byStatus: 'Orders by status', stuckNow: 'Stuck now', none: 'Nothing is stuck.', nothing: 'Nothing is open.', status: 'Status', where: 'Waits for', since: 'Since',
    waits: 'In status', allowed: 'Limit', error: 'Last error', count: 'Open', isStuck: 'Stuck', longest: 'Longest', chart: 'Share', live: 'live', gone: 'the server does not answer',
    loading: 'Orders are still being read, numbers may be too low.', dropped: 'objects are not counted: there are too many', closed: 'This server asks who you are', user: 'Name', password: 'Password', newPassword: 'New password (12 characters or more)', token: 'Or a token', enter: 'Enter', enterWith: (name) => `Log in with ${name}`, leave: 'Log out',
    path: 'Path', entered: 'Entered', stayed: 'Stayed', ahead: 'ahead', services: 'Services', set: 'set it', part: 'took part', failed: 'failed there',
    lineCount: ['line', 'lines'], hidden: 'hidden: no right to this service’s lines', goneLine: 'no longer kept', omitted: 'not read', hiddenLines: 'hidden: no right to those services', truncated: 'only the newest events are told',
    traces: 'Traces', trace: 'trace', allTraces: 'all traces', events: ['event', 'events'], errors: ['error', 'errors'], deviations: ['deviation', 'deviations'], retries: ['retried call', 'retried calls'],
    stuckFor: 'STUCK', overdue: 'overdue', complete: 'COMPLETE', onTime: 'ON TIME', way: 'the whole way took', inStatus: 'in this status for', sinceTime: 'since', limit: 'limit', waitsFor: 'waits for',
    first: 'first event', last: 'last event', total: 'total', unknown: 'no line tells its status', unconfirmed: 'hand-over not confirmed', tries: 'tries', well: 'the last one went well', badly: 'none went well',
    analysis: 'Analysis', started: 'Started within', week: '7 days', month: '28 days', quarter: '92 days', always: 'all', promises: 'Promises (SLA)', promise: 'Promise', edge: 'Way', attained: 'Kept', target: 'Target', late: 'Late',
    budget: 'Budget left', burn: 'Burn rate', rated: 'Rated in time / late', funnel: 'Funnel', reached: 'Reached', share: 'Share', median: 'Median', cohort: 'Week', all: 'All', ended: 'Closed', graph: 'Status graph', variants: 'Variants',
    deviates: 'Deviation', conforming: 'Keep to the graph', where2: 'Where', example: 'For example', dwell: 'Time in status', left: 'Left', waitingNow: 'Still in', overLimit: 'Over the limit', noData: 'Nothing yet.', missing: 'what must follow did not come',
    kinds: { unknown_status: 'status not in the graph', wrong_start: 'wrong start', unknown_edge: 'no such way', skipped: 'statuses skipped', repeated: 'repeated too often', after_end: 'after the end', wrong_service: 'wrong service', clock_skew: 'clock is wrong', unconfirmed: 'hand-over not confirmed' },
    any: 'any', state: 'Which', allOpen: 'all open', onlyStuck: 'stuck', apply: 'Show', next: 'Next page', of: 'of', type: 'Type', objects: { order: 'Order', model: 'Model', customer: 'Customer' }, hiddenError: '(hidden)',
    linesOf: 'Lines', query: 'Query', when: 'Time', newest: 'Only the newest are shown', onlyLines: 'This query gives numbers, not lines: ask it in Grafana.' },
  ru: { find: 'Показать', id: 'Номер заказа', skip: 'К содержанию', overview: 'Обзор', list: 'Все открытые', language: 'Язык',
    rate: 'строк в секунду', lines: 'строк с запуска', open: 'заказов в работе', stuck: 'заказов застряло', personal: 'персональных данных без маски', defects: 'строк с дефектами',
    byStatus: 'Заказы по статусам', stuckNow: 'Застряли сейчас', none: 'Ничего не застряло.', nothing: 'Открытых нет.', status: 'Статус', where: 'Ждёт сервис', since: 'Вошёл',
    waits: 'В статусе', allowed: 'Срок', error: 'Последняя ошибка', count: 'Открыто', isStuck: 'Застряло', longest: 'Дольше всех', chart: 'Доля', live: 'на связи', gone: 'сервер не отвечает',
    loading: 'Заказы ещё читаются, числа могут быть занижены.', dropped: 'объектов не учтено: их слишком много', closed: 'Сервер просит назваться', user: 'Имя', password: 'Пароль', newPassword: 'Новый пароль (от 12 знаков)', token: 'Или токен', enter: 'Войти', enterWith: (name) => `Войти через ${name}`, leave: 'Выйти',
    path: 'Путь', entered: 'Вошёл', stayed: 'Пробыл', ahead: 'впереди', services: 'Сервисы', set: 'поставил статус', part: 'участвовал', failed: 'сбой',
    lineCount: ['строка', 'строки', 'строк'], hidden: 'скрыто: нет права на строки этого сервиса', goneLine: 'уже удалена', omitted: 'не прочитана', hiddenLines: 'скрыто: нет прав на эти сервисы', truncated: 'показаны только новейшие события',
    traces: 'Трассы', trace: 'трасса', allTraces: 'все трассы', events: ['событие', 'события', 'событий'], errors: ['ошибка', 'ошибки', 'ошибок'], deviations: ['отклонение', 'отклонения', 'отклонений'], retries: ['вызов с повтором', 'вызова с повтором', 'вызовов с повтором'],
    stuckFor: 'ЗАСТРЯЛ', overdue: 'сверх срока', complete: 'ЗАВЕРШЁН', onTime: 'В СРОК', way: 'весь путь занял', inStatus: 'в этом статусе', sinceTime: 'с', limit: 'срок', waitsFor: 'ждёт сервис',
    first: 'первое событие', last: 'последнее', total: 'всего', unknown: 'ни одна строка не называет статус', unconfirmed: 'передача не подтверждена', tries: 'попыток', well: 'последняя удалась', badly: 'все неудачны',
    analysis: 'Анализ', started: 'Начаты за', week: '7 дней', month: '28 дней', quarter: '92 дня', always: 'всё время', promises: 'Обязательства (SLA)', promise: 'Обязательство', edge: 'Путь', attained: 'Выполнено', target: 'Цель', late: 'Поздно',
    budget: 'Остаток бюджета', burn: 'Скорость расхода', rated: 'Оценки в срок / поздно', funnel: 'Воронка', reached: 'Дошло', share: 'Доля', median: 'Медиана', cohort: 'Неделя', all: 'Всего', ended: 'Завершено', graph: 'Граф статусов', variants: 'Варианты пути',
    deviates: 'Отклонение', conforming: 'Без отклонений', where2: 'Где', example: 'Например', dwell: 'Время в статусе', left: 'Вышло', waitingNow: 'Ещё здесь', overLimit: 'Сверх срока', noData: 'Пока пусто.', missing: 'нет события, которое должно последовать',
    kinds: { unknown_status: 'статуса нет в графе', wrong_start: 'не то начало', unknown_edge: 'нет такого перехода', skipped: 'пропущены статусы', repeated: 'слишком много повторов', after_end: 'после завершения', wrong_service: 'не тот сервис', clock_skew: 'часы врут', unconfirmed: 'передача не подтверждена' },
    any: 'любой', state: 'Какие', allOpen: 'все открытые', onlyStuck: 'застрявшие', apply: 'Показать', next: 'Следующая страница', of: 'из', type: 'Тип', objects: { order: 'Заказ', model: 'Модель', customer: 'Клиент' }, hiddenError: '(скрыто)',
    linesOf: 'Строки', query: 'Запрос', when: 'Время', newest: 'Показаны только новейшие', onlyLines: 'Этот запрос даёт числа, а не строки: задайте его в Grafana.' },
};

/** What is wrong with a path, in a few words. */
const DEVIATIONS = {
  en: { unknown_status: (d) => `${d.status} is not a status of the graph`, wrong_start: (d) => `started in ${d.status}, not in ${d.expected}`,
    unknown_edge: (d) => `the graph has no way from ${d.from} to ${d.to}`, skipped: (d) => `skipped ${d.statuses.join(', ')}`,
    repeated: (d) => `entered ${d.status} ${d.visits} times, allowed are ${d.allowed}`, after_end: (d) => `came after the end (${d.end})`,
    clock_skew: (d) => `left ${d.from} by the clock of ${d.service}, ${span(d.skew_ms)} before ${d.other} tells it was entered`,
    wrong_service: (d) => `set by ${d.service}, expected ${d.expected.join(' or ')}`,
    unconfirmed: (d) => (d.after_ms === null ? `hand-over not confirmed within ${span(d.within_ms)}` : `hand-over confirmed after ${span(d.after_ms)}, due within ${span(d.within_ms)}`) },
  ru: { unknown_status: (d) => `статуса ${d.status} нет в графе`, wrong_start: (d) => `путь начат с ${d.status}, а не с ${d.expected}`,
    unknown_edge: (d) => `в графе нет перехода из ${d.from} в ${d.to}`, skipped: (d) => `пропущено: ${d.statuses.join(', ')}`,
    repeated: (d) => `вход в ${d.status}: ${d.visits}-й раз, допустимо ${d.allowed}`, after_end: (d) => `после завершения (${d.end})`,
    clock_skew: (d) => `по часам ${d.service} вышел из ${d.from} за ${span(d.skew_ms)} до того, как ${d.other} сообщил о входе`,
    wrong_service: (d) => `статус поставил ${d.service}, ожидался ${d.expected.join(' или ')}`,
    unconfirmed: (d) => (d.after_ms === null ? `передача не подтверждена за ${span(d.within_ms)}` : `передача подтверждена через ${span(d.after_ms)}, срок ${span(d.within_ms)}`) },
};

let language = 'en';
let t = TEXTS.en;

/** `lang` of the address, else what was chosen before, else the browser's. */
function chooseLanguage(name) {
  const asked = name || new URLSearchParams(location.search).get('lang') || localStorage.getItem('lang') || navigator.language;
  language = asked.startsWith('ru') ? 'ru' : 'en';
  if (name) { localStorage.setItem('lang', name); }
  t = TEXTS[language];
  document.documentElement.lang = language;
}

/** `3 errors`, with the right form of the noun. */
function counted(number, forms) {
  const few = number % 10 >= 2 && number % 10 <= 4 && !(number % 100 >= 12 && number % 100 <= 14);
  const one = number % 10 === 1 && number % 100 !== 11;
  const form = language === 'en' ? Number(number !== 1) : one ? 0 : few ? 1 : 2;
  return `${new Intl.NumberFormat(language).format(number)} ${forms[form]}`;
}

const grouped = (value) => new Intl.NumberFormat(language).format(value);
const objectName = (type) => t.objects[type] || type;

/** `14 Mar, 10:02:11`. */
function time(text) {
  const shape = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' };
  return new Intl.DateTimeFormat(language === 'ru' ? 'ru' : 'en-GB', shape).format(new Date(text));
}

/** A span in its two largest units: `4 d 4 h`, `320 ms`. */
function span(ms) {
  if (ms === null || ms === undefined) { return ''; }
  const units = language === 'ru' ? ['д', 'ч', 'мин', 'с', 'мс'] : ['d', 'h', 'min', 's', 'ms'];
  const sizes = [86400000, 3600000, 60000, 1000, 1];
  const first = Math.max(0, sizes.findIndex((size) => size <= ms || size === 1));
  const main = `${Math.floor(ms / sizes[first])} ${units[first]}`;
  const rest = first < 3 ? Math.floor((ms % sizes[first]) / sizes[first + 1]) : 0;
  return rest ? `${main} ${rest} ${units[first + 1]}` : main;
}
