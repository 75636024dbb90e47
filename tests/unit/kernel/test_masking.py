"""What is masked in what residents write, in the ways in which they write it, and what is left as it is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel import text
from services.kernel.errors import InvalidInput
from services.kernel.masking import IDENTITY_MASK, MAIL_MASK, NAME_MASK, PHONE_MASK, mask

PHONES = [
    "13912345678",
    "139 1234 5678",
    "139-1234-5678",
    "139.1234.5678",
    "139 - 1234 - 5678",
    "139  1234  5678",
    "139\u20111234\u20115678",
    "139\u00a01234\u20095678",
    "139\u200b1234\u200b5678",
    "+8613912345678",
    "+86 139 1234 5678",
    "86-139-1234-5678",
    "0086 139 1234 5678",
    "008613912345678",
    "＋８６　１３９　１２３４　５６７８",
    "１３９１２３４５６７８",
    "139－1234－5678",
    "①③⑨①②③④⑤⑥⑦⑧",
    "𝟏𝟑𝟗𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖",
    "1 3 9 1 2 3 4 5 6 7 8",
    "0858-8222333",
    "(0858)8222333",
    "（0858）8222333",
    "0858 822 2333",
    "+86 858 8222333",
    "010-62345678",
    "139    1234    5678",
    "139、1234、5678",
    "139，1234，5678",
    "139, 1234, 5678",
    "139/1234/5678",
    "139 ／ 1234 ／ 5678",
    "139_1234_5678",
    "139~1234～5678",
    "139:1234：5678",
    "139·1234・5678",
    "139\n1234\r\n5678",
    "139、1234 5678",
    "139/1234-5678",
    "1391234，5678",
    "139，12345678",
    "13912、345678",
    "1、3、9、1、2、3、4、5、6、7、8",
    "1/3-9_1 2:3，4,5~6·7、8",
    "+86、139、1234、5678",
    "(139)1234 5678",
    "（139）1234—5678",
    "139(1234)5678",
    "1391234567O",
    "l39o2345678",
    "139 OO34 567l",
    "139-OOOO-OOOO",
    "１３９１２３４５６７Ｏ",
    "一三九一二三四五六七八",
    "幺三九幺二三四五六七〇",
    "壹叁玖壹贰叁肆伍陆柒零",
    "一三九 一二三四 五六七八",
    "一三九、一二三四，五六七八",
    "一-三-九-一-二-三-四-五-六-七-八",
    "一三九1234五六七八",
    "0858、8222333",
    "0858，8222333",
    "0858/822/2333",
    "0858_8222333",
    "0858：8222333",
    "0858\n8222333",
    "0858    8222333",
]
IDENTITIES = [
    "520203199103074216",
    "52020319910307421X",
    "52020319910307421x",
    "520203 19910307 4216",
    "520203-19910307-421X",
    "５２０２０３１９９１０３０７４２１６",
    "6222021234567890123",
    "520203、19910307、4216",
    "520203/1991/0307/421X",
    "520203\n19910307\n4216",
    "520203910307421",
    "520203 910307 421",
    "520203，910307，421",
    "5 2 0 2 0 3 9 1 0 3 0 7 4 2 1",
    "6222 0212 3456 7890 123",
    "6222-0212-3456-7890",
    "6222021234567890",
]
MAILS = ["zhang.san@example.com", "zhang_san+1@mail.example.com.cn", "zhangsan＠example.com"]


def around(number: str) -> str:
    return f"请联系{number}，谢谢"


@pytest.mark.parametrize(
    ("number", "instead"),
    [(n, m) for ns, m in ((PHONES, PHONE_MASK), (IDENTITIES, IDENTITY_MASK), (MAILS, MAIL_MASK)) for n in ns],
)
def test_numbers_and_addresses_are_masked_and_do_not_travel_however_they_are_written(number: str, instead: str) -> None:
    assert mask(around(number)) == around(instead)
    with pytest.raises(InvalidInput, match="phone or identity number"):
        text.without_numbers(around(number), "title")


@pytest.mark.parametrize("number", ["1390，123，4567", "13、91、23、45、67、8", "139，1234，5678号", "1390/1234/567"])
def test_what_a_phone_word_introduces_is_masked_in_whatever_groups(number: str) -> None:
    for word in ("电话", "手机号：", "请拨打 ", "Tel: "):
        assert mask(f"{word}{number.removesuffix('号')}，谢谢") == f"{word}{PHONE_MASK}，谢谢"
        with pytest.raises(InvalidInput, match="phone or identity number"):
            text.without_numbers(f"{word}{number}", "title")


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("我叫王小明，住二楼", f"我叫{NAME_MASK}，住二楼"),
        ("我叫王小明住二楼", f"我叫{NAME_MASK}住二楼"),
        ("我叫王小明反映下水道堵塞", f"我叫{NAME_MASK}反映下水道堵塞"),
        ("我叫欧阳锦程反映下水道堵塞", f"我叫{NAME_MASK}反映下水道堵塞"),
        ("我叫阿卜杜拉·买买提江", f"我叫{NAME_MASK}"),
        ("我叫𠮷田明", f"我叫{NAME_MASK}"),
        ("我的名字叫李四。", f"我的名字叫{NAME_MASK}。"),
        ("姓名：王小明 电话不便告知", f"姓名：{NAME_MASK} 电话不便告知"),
        ("姓名王小明", f"姓名{NAME_MASK}"),
        ("姓名\n王小明\n", f"姓名\n{NAME_MASK}\n"),
        ("联系人:王小明", f"联系人:{NAME_MASK}"),
        ("联系人 王小明", f"联系人 {NAME_MASK}"),
        ("户主：王小明", f"户主：{NAME_MASK}"),
        ("my name is Li Wei and", f"my name is {NAME_MASK} and"),
        ("Name: Wang Xiaoming", f"Name: {NAME_MASK}"),
        ("我叫“张三”，住二楼", f"我叫“{NAME_MASK}”，住二楼"),
        ("我叫「张三」", f"我叫「{NAME_MASK}」"),
        ("我叫:张三", f"我叫:{NAME_MASK}"),
        ("我叫： 张三。", f"我叫： {NAME_MASK}。"),
        ("我叫 张三", f"我叫 {NAME_MASK}"),
        ("我叫（张三）", f"我叫（{NAME_MASK}）"),
        ("姓名：“欧阳小明”", f"姓名：“{NAME_MASK}”"),
        ("姓名：张　三 电话", f"姓名：{NAME_MASK} 电话"),
        ("我叫Zhang San，住二楼", f"我叫{NAME_MASK}，住二楼"),
        ("我叫zhang san住二楼", f"我叫{NAME_MASK}住二楼"),
        ("我叫 Zhang", f"我叫 {NAME_MASK}"),
        ("姓名：zhang san", f"姓名：{NAME_MASK}"),
        ("My name is john smith", f"My name is {NAME_MASK}"),
        ("my name is john smith and I live here", f"my name is {NAME_MASK} and I live here"),
        ("my name is john and I live here", f"my name is {NAME_MASK} and I live here"),
        ("My name is John smith.", f"My name is {NAME_MASK}."),
        ("本人姓张名三", f"本人姓{NAME_MASK}"),
        ("我姓张叫三，住二楼", f"我姓{NAME_MASK}，住二楼"),
        ("我姓欧阳，名小明。", f"我姓{NAME_MASK}。"),
        ("我是张三，电话不便告知", f"我是{NAME_MASK}，电话不便告知"),
        ("本人张三，手机不便告知", f"本人{NAME_MASK}，手机不便告知"),
    ],
)
def test_names_that_are_introduced_are_masked(said: str, masked: str) -> None:
    assert mask(said) == masked


@pytest.mark.parametrize(
    "said",
    [
        "二中批发巷9号楼下水道堵了3天",
        "我叫物业来修了三次都没有修好",
        "请联系人社局处理",
        "业主委员会不管，物业公司也不管",
        "2026-11-24 8:30 到 2026-11-25 17:00 停水（共33小时）",
        "２０２６年１１月２４日，３号楼①单元",
        "安装费 1200.50 元，编号 No.2026-0017",
        "拨打12345和110都没有用",
        "名单上没有我们楼",
        "全角（括号）和－号都留着",
        "二〇二六年十一月二十五日，一九九一年三月七日",
        "一、三、四、五、六、七、八、九、十号楼",
        "共一千三百八十五万一千三百二十六元五角",
        "1、3、5、7、9、11、13、15、17号楼",
        "1501、1502、901室漏水",
        "1501、901、1502室漏水",
        "13:00、15:30、9:00三次停水",
        "13:00-15:00，16:00-18:00停水",
        "合计 13,500,000,000 元",
        "收了150，2000，3000元",
        "139、1201、1301室",
        "3-1-1301、3-1-1302、3-2-1801",
        "一单元一三〇一、一三〇二、一四〇一",
        "2026/11/24，2026.11.25，2026～2027",
        "水量15 l 10 l 20 l 30",
        "查询码 7K3M9-QX2CD、13579-13579",
        "设备号202611250830001，序列号520203991307421",
        "文号黔府〔2026〕0017，2026-0018",
        "我是居民，电话打不通",
        "我是居民，我叫了物业来修都没有人理会",
        "我叫“物业公司服务部”派人来",
        "本人常年在外务工，无人照看",
        "my name is not on the list",
        "我姓张，住二楼",
    ],
)
def test_all_else_stays_as_it_was_written(said: str) -> None:
    assert mask(said) == said
    assert text.without_numbers(said, "title") == said


@given(st.text(max_size=200))
def test_masking_twice_is_masking_once(said: str) -> None:
    assert mask(mask(said)) == mask(said)


@pytest.mark.parametrize(
    "part",
    [
        *(
            "1 ",
            "13",
            "1、3",
            "138、",
            "(138)",
            "1    3",
            "138OO",
            "一三",
            "一、三",
            "一" * 5000,
            "电话1、",
            "电话：是的",
        ),
        *("6222 ", "520203 ", "520203910307 ", "0858-", "0858、", "a", "a.b-", "a@a.", "l3oO"),
        *("姓名 ", "姓名" + " " * 50, "姓名" + " " * 5000, "name :", "我叫王·", "我叫“", "我叫a ", "我叫" + "a" * 5000),
        *("my name is ", "my name is a", "my name is" + " " * 5000, "我姓张，", "我是张三，", "本人"),
    ],
)
def test_no_text_takes_long(part: str) -> None:
    said = (part * 5000)[:5000]
    began = time.process_time()
    mask(said)
    assert time.process_time() - began < 0.2, "its cost grows faster than the text"


@given(st.text(max_size=100))
def test_narrowing_keeps_every_character_at_its_place(said: str) -> None:
    assert len(text.narrow(said)) == len(said)
