"""Composed files, one per format and generation of its header as venues and programs export them, with the quirks they have."""

COINBASE = "Timestamp,Transaction Type,Asset,Quantity Transacted"
COINBASE_NEW = "Subtotal,Total (inclusive of fees and/or spread),Fees and/or Spread,Notes"
BOUGHT = "buy 0.01 BTC for 600 USD fee 9 USD"
GEMINI = (
    "Date,Time (UTC),Type,Symbol,Specification,Liquidity Indicator,Trading Fee Rate (bps),USD Amount USD,Fee (USD) USD,USD Balance USD,"
    "BTC Amount BTC,Fee (BTC) BTC,BTC Balance BTC,Trade ID,Order ID,Order Date,Order Time,Client Order ID,API Session,Tx Hash,"
    "Deposit Destination,Deposit Tx Output,Withdrawal Destination,Withdrawal Tx Output"
)
BINANCE_US = (
    "User ID,Time,Category,Operation,Order ID,Transaction ID,Primary Asset,Realized Amount For Primary Asset,"
    "Realized Amount for Primary Asset in USD,Base Asset,Realized Amount For Base Asset,Realized Amount For Base Asset In USD,Quote Asset,"
    "Realized Amount for Quote Asset,Realized Amount for Quote Asset in USD,Fee Asset,Realized Amount for Fee Asset,"
    "Realized Amount for Fee Asset in USD,Payment Method,Withdraw Method,Additional Note"
)
BINANCE_US_OLD = (
    "User_Id,Time,Category,Operation,Order_Id,Transaction_Id,Primary_Asset,Realized_Amount_For_Primary_Asset,"
    "Realized_Amount_For_Primary_Asset_In_USD_Value,Base_Asset,Realized_Amount_For_Base_Asset,Realized_Amount_For_Base_Asset_In_USD_Value,"
    "Quote_Asset,Realized_Amount_For_Quote_Asset,Realized_Amount_For_Quote_Asset_In_USD_Value,Fee_Asset,Realized_Amount_For_Fee_Asset,"
    "Realized_Amount_For_Fee_Asset_In_USD_Value,Payment_Method,Withdrawal_Method,Additional_Note"
)
US_ROWS = (
    "1,2024-03-01 12:00:00.123,Spot Trading,Buy,71,81,,,,BTC,0.01,600,USD,600,600,BNB,0.001,0.4,Wallet,,",
    "1,2024-03-02 12:00:00.000,Distribution,Staking Rewards,,82,ETH,0.002,6,,,,,,,,,,,,",
    "1,2024-03-03 12:00:00.000,Withdrawal,Crypto Withdrawal,,83,ETH,0.5,,,,,,,,ETH,0.001,,,,",
)
KOINLY = (
    "Date,Type,Tag,Sending Wallet,Sent Amount,Sent Currency,Sent Cost Basis,Receiving Wallet,Received Amount,Received Currency,"
    "Received Cost Basis,Fee Amount,Fee Currency,Gain (EUR),Net Value (EUR),Fee Value (EUR),TxSrc,TxDest,TxHash,Description"
)
COINTRACKER = (
    "Date,Type,Transaction ID,Received Quantity,Received Currency,Received Cost Basis (USD),Received Wallet,Received Address,"
    "Received Comment,"
    "Sent Quantity,Sent Currency,Sent Cost Basis (USD),Sent Wallet,Sent Address,Sent Comment,Fee Amount,Fee Currency,Fee Cost Basis (USD),"
    "Realized Return (USD),Fee Realized Return (USD),Transaction Hash"
)
KUCOIN = (
    "UID,Account Type,Order ID,Symbol,Side,Order Type,Avg. Filled Price,Filled Amount,Filled Volume,Filled Volume (USDT),"
    "Filled Time({zone}),Fee,Tax,Maker/Taker,Fee Currency"
)
UNIVERSAL = (
    "Date,Sent Amount,Sent Currency,Received Amount,Received Currency,Fee Amount,Fee Currency,Net Worth Amount,Net Worth Currency,"
    "Label,Description,TxHash"
)
BYBIT = (
    "Time,Currency,Contract,Type,Direction,Quantity,Position,Filled Price,Funding,Fee Paid,Cash Flow,Change,Wallet Balance,Fee Rate,"
    "Trade ID,Order ID"
)
OKX = "id,Order id,Time,Trade Type,Instrument,Type,Amount,Unit,PL,Fee,Position Change,Position Balance,Balance Change,Balance,Unit"
COINTRACKING = (
    "Type,Buy Amount,Buy Currency,Sell Amount,Sell Currency,Fee,Fee Currency,Exchange,Trade-Group,Comment,Date,Tx-ID,"
    "Buy Value in Account Currency,Sell Value in Account Currency,Liquidity pool"
)
BITSTAMP = "ID,Account,Type,Subtype,Datetime,Amount,Amount currency,Value,Value currency,Rate,Rate currency,Fee,Fee currency,Order ID"

# format, header, rows, what they say
FILES: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "coinbase",
        f"ID,{COINBASE},Price Currency,Price at Transaction,{COINBASE_NEW}",
        (
            'a3,2024-03-03 12:00:00Z,Advanced Trade Sell,ETH,-0.5,USD,$2,$1,$1,5,"Sold 0.5 ETH for 996 USDC on ETH-USDC at 2,000 USDC/ETH"',
            'a2,2024-03-02 12:00:00 UTC,Convert,USDC,-10,USD,$1,$10,$10,$0,"Converted 10 USDC to 0.003 ETH"',
            'a1,2024-03-01 12:00:00 UTC,Buy,BTC,0.01,USD,"$60,000.00",$600.00,$609.00,$9.00,Bought 0.01 BTC for 609 USD',
            "a0,2024-02-29 12:00:00 UTC,Staking Income,ETH,0.001,USD,$3000,$3,$3,$0,",
            "9f,2024-02-28 12:00:00 UTC,Send,BTC,-0.1,USD,$60000,-$6000,-$6000,$0,Sent to bc1q",
        ),
        (
            "2024-03-03T12:00:00Z sell 0.5 ETH for 1000 USDC fee 4 USDC",
            "2024-03-02T12:00:00Z buy 0.003 ETH for 10 USDC",
            f"2024-03-01T12:00:00Z {BOUGHT}",
            "2024-02-29T12:00:00Z staking 0.001 ETH",
            "2024-02-28T12:00:00Z out 0.1 BTC",
        ),
    ),
    *(
        ("coinbase", f"{COINBASE},{more}", (f"2024-03-01T12:00:00Z,Buy,BTC,0.01,{cells},",), (f"2024-03-01T12:00:00Z {BOUGHT}",))
        for more, cells in (
            (f"Price Currency,Price at Transaction,{COINBASE_NEW}", "USD,60000,600.00,609.00,9.00"),
            (f"Spot Price Currency,Spot Price at Transaction,{COINBASE_NEW}", "USD,60000,600.00,609.00,9.00"),
            ("Spot Price Currency,Spot Price at Transaction,Subtotal,Total (inclusive of fees),Fees,Notes", "USD,60000,600.00,609.00,9.00"),
            ("USD Spot Price at Transaction,USD Subtotal,USD Total (inclusive of fees),USD Fees,Notes", "60000,600.00,609.00,9.00"),
        )
    ),
    (
        "coinbase-pro-account",
        "portfolio,type,time,amount,balance,amount/balance unit,transfer id,trade id,order id",
        (
            "default,deposit,2021-02-01T10:00:00.123Z,1000.0000000000000000,1000.0000000000000000,USD,4f1c,,",
            "default,match,2021-02-01T11:00:00.123Z,-10,990,USD,,7,8f",
        ),
        ("2021-02-01T10:00:00.123000Z in 1000 USD", "finding fills-elsewhere"),
    ),
    (
        "binance-trades",
        "Date(UTC),Pair,Side,Price,Executed,Amount,Fee",
        (
            '2024-03-01 12:00:00,BTCUSDT,BUY,"60,000.00",0.0100000000BTC,600.00000000USDT,0.0000100000BTC',
            "2024-03-01 12:00:01,1INCHUSDT,SELL,0.5,10.000001INCH,5.00000000USDT,0.00100000BNB",
        ),
        (
            "2024-03-01T12:00:00Z buy 0.01 BTC for 600 USDT fee 0.00001 BTC",
            "2024-03-01T12:00:01Z sell 10 1INCH for 5 USDT fee 0.001 BNB",
        ),
    ),
    (
        "binance-trades",
        "Date(UTC),Market,Type,Price,Amount,Total,Fee,Fee Coin",
        ("2019-03-01 12:00:00,ETHBTC,SELL,0.05,2,0.1,0.0001,BTC",),
        ("2019-03-01T12:00:00Z sell 2 ETH for 0.1 BTC fee 0.0001 BTC",),
    ),
    *(
        (
            "binance-statement",
            f"User_ID,{time},Account,Operation,Coin,Change,Remark",
            (
                "1,2024-03-01 12:00:00,Spot,Transaction Buy,BTC,0.006,",
                "1,2024-03-01 12:00:00,Spot,Transaction Spend,USDT,-360,",
                "1,2024-03-01 12:00:00,Spot,Transaction Buy,BTC,0.004,",
                "1,2024-03-01 12:00:00,Spot,Transaction Fee,BNB,-0.001,",
                "1,2024-03-01 12:00:00,Spot,Transaction Spend,USDT,-240,",
                "1,2024-03-02 12:00:00,Earn,Simple Earn Flexible Interest,USDT,0.02,",
                "1,24-03-03 12:00:00,Spot,Withdraw,BTC,-0.01,Withdraw fee is included",
                "1,2024-03-04 12:00:00,Spot,Simple Earn Flexible Subscription,USDT,-5,",
            ),
            (
                "2024-03-01T12:00:00Z buy 0.01 BTC for 600 USDT fee 0.001 BNB",
                "2024-03-02T12:00:00Z interest 0.02 USDT",
                "2024-03-03T12:00:00Z out 0.01 BTC",
                *(() if time == "UTC_Time" else ("finding zone-assumed",)),
            ),
        )
        for time in ("Time", "UTC_Time")
    ),
    *(
        (
            "binance-us",
            header,
            US_ROWS,
            (
                "2024-03-01T12:00:00.123000Z buy 0.01 BTC for 600 USD fee 0.001 BNB",
                "2024-03-02T12:00:00Z staking 0.002 ETH",
                "2024-03-03T12:00:00Z out 0.5 ETH fee 0.001 ETH",
                "finding zone-assumed",
            ),
        )
        for header in (BINANCE_US, BINANCE_US_OLD)
    ),
    (
        "gemini",
        GEMINI,
        (
            "2024-03-01,12:00:00.123,Buy,BTCUSD,API,Maker,20,-600,-1.2,398.8,0.01,,0.01,28401,7379,2024-03-01,12:00:00,bot-17,s1,,,,,",
            "2024-03-02,12:00:00,Debit,BTC,Withdrawal,,,,,,-0.005,,0.005,,,,,,,ab12,,,bc1q,",
            ",,,,,,,-600,-1.2,398.8,0.005,,0.005,,,,,,,,,,,",
        ),
        ("2024-03-01T12:00:00.123000Z buy 0.01 BTC for 600 USD fee 1.2 USD", "2024-03-02T12:00:00Z out 0.005 BTC"),
    ),
    (
        "bitstamp",
        BITSTAMP,
        (
            "11,Main Account,Market,Buy,2024-03-01T12:00:00Z,0.01,BTC,600.00,USD,60000,USD,2.4,USD,99",
            "12,Main Account,Staking reward,,2024-03-02T12:00:00Z,0.001,ETH,,,,,,,",
        ),
        ("2024-03-01T12:00:00Z buy 0.01 BTC for 600 USD fee 2.4 USD", "2024-03-02T12:00:00Z staking 0.001 ETH"),
    ),
    (
        "bitstamp",
        "Type,Datetime,Account,Amount,Value,Rate,Fee,Sub Type",
        (
            'Market,"Jan. 05, 2021, 03:06 PM",Main Account,0.01000000 BTC,300.00 USD,30000.00 USD,1.50 USD,Sell',
            'Deposit,"Jan. 04, 2021, 12:06 AM",Main Account,500.00 USD,,,,',
        ),
        ("2021-01-05T15:06:00Z sell 0.01 BTC for 300 USD fee 1.5 USD", "2021-01-04T00:06:00Z in 500 USD"),
    ),
    (
        "bybit",
        BYBIT,
        (
            "2024-07-31 12:16:01,BTC,BTCUSDT,TRADE,BUY,0.01,0,60000,0,0.00001,0.01,0.00999,0.00999,0.001,21,17",
            "2024-07-31 12:16:01,USDT,BTCUSDT,TRADE,BUY,0.01,0,60000,0,0,-600,-600,400,0,21,17",
            "2024-07-30 12:16:01,USDT,,TRANSFER_IN,,0,0,0,0,0,1000,1000,1000,0,,",
        ),
        ("2024-07-31T12:16:01Z buy 0.01 BTC for 600 USDT fee 0.00001 BTC", "2024-07-30T12:16:01Z in 1000 USDT", "finding zone-assumed"),
    ),
    (
        "okx",
        OKX,
        (
            "61,71,2024-07-31 12:16:01,Spot,BTC-USDT,Buy,0.01,BTC,0,-0.00001,0,0,0.00999,0.00999,BTC",
            "61,71,2024-07-31 12:16:01,Spot,BTC-USDT,Sell,600,USDT,0,0,0,0,-600,400,USDT",
            "62,72,2024-07-31 12:17:01,Spot,BTC-USDT,Sell,0.005,BTC,0,0,0,0,-0.005,0.00499,BTC",
            "63,72,2024-07-31 12:17:01,Spot,BTC-USDT,Buy,300,USDT,0,-0.3,0,0,299.7,699.7,USDT",
        ),
        (
            "2024-07-31T12:16:01Z buy 0.01 BTC for 600 USDT fee 0.00001 BTC",
            "2024-07-31T12:17:01Z sell 0.005 BTC for 300 USDT fee 0.3 USDT",
            "finding zone-assumed",
        ),
    ),
    *(
        (
            "kucoin",
            KUCOIN.format(zone=zone) + more,
            (f"1,Trading,66a9,BTC-USDT,BUY,LIMIT,60000,0.01,600,600,{time},0.6,,TAKER,USDT" + more.replace("Account Mode", "CLASSIC"),),
            ("2024-07-31T04:16:01Z buy 0.01 BTC for 600 USDT fee 0.6 USDT",),
        )
        for zone, time, more in (
            ("UTC+08:00", "2024-07-31 12:16:01", ""),
            ("UTC", "2024-07-31 04:16:01", ",Account Mode"),
            ("UTC-05:00", "2024-07-30 23:16:01", ""),
        )
    ),
    *(
        (
            "koinly-universal",
            UNIVERSAL.replace("Label", label),
            (
                "2024-03-01 12:00 UTC,600,USD,0.01,BTC,9,USD,600,USD,,,",
                "2024-03-02 12:00 UTC,,,0.001,ETH,,,,,staking,,",
                "2024-03-03 12:00 UTC,0.002,BTC,,,,,,,donation,to charity,",
            ),
            (f"2024-03-01T12:00:00Z {BOUGHT}", "2024-03-02T12:00:00Z staking 0.001 ETH", "2024-03-03T12:00:00Z donation 0.002 BTC"),
        )
        for label in ("Label", "Tag")
    ),
    *(
        (
            "koinly",
            KOINLY.replace("Tag", label),
            (
                "2024-03-01 12:00:00 UTC,buy,,Kraken,600,USD,,Kraken,0.01,BTC,600,9,USD,0,600,9,,,,",
                "2024-03-02 12:00:00 UTC,transfer,,Kraken,0.01,BTC,600,Cold,0.0099,BTC,600,0.0001,BTC,0,600,6,,,ab,",
            ),
            (f"2024-03-01T12:00:00Z {BOUGHT}", "2024-03-02T12:00:00Z Kraken to Cold 0.0099 BTC fee 0.0001 BTC"),
        )
        for label in ("Tag", "Label")
    ),
    *(
        (
            "cointracker-import",
            f"Date,Received Quantity,Received Currency,Sent Quantity,Sent Currency,Fee Amount,Fee Currency,Tag{more}",
            (f"03/01/2024 12:00:00,0.01,BTC,600,USD,9,USD,{',' * bool(more)}",),
            (f"2024-03-01T12:00:00Z {BOUGHT}",),
        )
        for more in (",Transaction ID", "")
    ),
    (
        "cointracker",
        COINTRACKER,
        (
            "2024-03-01 12:00:00,Buy,77,0.01,BTC,609,Kraken,,,600,USD,600,Kraken,,,9,USD,9,0,0,",
            "2024-03-02 12:00:00,Transfer,78,0.01,BTC,609,Cold,,,0.01,BTC,609,Kraken,,,,,,0,0,ab",
        ),
        (f"2024-03-01T12:00:00Z {BOUGHT}", "2024-03-02T12:00:00Z Kraken to Cold 0.01 BTC"),
    ),
    (
        "cointracking",
        COINTRACKING,
        (
            "Trade,0.01,BTC,600,USD,9,USD,Kraken,grid-1,,01.03.2024 07:00:00,TX1,600,600,",
            "Staking,0.001,ETH,,,,,Kraken,,,02.03.2024 07:00:00,TX2,3,,",
        ),
        (f"2024-03-01T12:00:00Z {BOUGHT}", "2024-03-02T12:00:00Z staking 0.001 ETH", "finding zone-assumed"),
    ),
)
